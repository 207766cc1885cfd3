"""weft as a backend of joblib: what Parallel and scikit-learn ask of it."""

from __future__ import annotations

import multiprocessing
import os
import warnings

import pytest

import weft
import weft.joblib
import weft.multiprocessing

joblib = pytest.importorskip("joblib")


@pytest.fixture(autouse=True)
def registered():
    weft.joblib.register()
    before = dict(os.environ)
    yield
    os.environ.update(before)


def square(n):
    return n * n


def test_calls_run_in_processes_and_come_back_in_order():
    """Nothing but the backend's name is said: there are as many workers as processors."""
    with joblib.parallel_config(backend="weft", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(square)(n) for n in range(300)) == [n * n for n in range(300)]
        pids = set(joblib.Parallel()(joblib.delayed(lambda n: os.getpid())(n) for n in range(20)))
    assert os.getpid() not in pids


def test_without_a_number_there_are_as_many_as_processors():
    """Who asks for weft wants workers; scikit-learn's n_jobs=None leaves it to the backend."""
    with joblib.parallel_config(backend="weft"):
        assert joblib.effective_n_jobs() == weft.multiprocessing.cpu_count()
        assert joblib.effective_n_jobs(3) == 3
        assert joblib.effective_n_jobs(-1) == weft.multiprocessing.cpu_count()


@pytest.mark.parametrize("how", ["generator", "generator_unordered"])
def test_a_generator_gives_results_as_they_come_and_may_be_dropped(how):
    """What is left of it is cancelled, and the next call finds everything in order."""
    with joblib.parallel_config(backend="weft", n_jobs=2):
        results = joblib.Parallel(return_as=how)(joblib.delayed(square)(n) for n in range(100))
        assert next(results) in {n * n for n in range(100)}
        drop(results)
        assert joblib.Parallel()(joblib.delayed(square)(n) for n in range(3)) == [0, 1, 4]


def drop(results):
    """Joblib may warn of what was not used, or not, as far as it had got."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results.close()


def test_parallel_inside_parallel():
    """Threads, as joblib has it, or weft again where that is asked for."""

    def inner(n, backend):
        with joblib.Parallel(n_jobs=2, backend=backend) as parallel:
            return type(parallel._backend).__name__, sum(parallel(joblib.delayed(square)(k) for k in range(n)))

    with joblib.parallel_config(backend="weft", n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(inner)(4, backend) for backend in (None, "weft", None))
    assert found == [("ThreadingBackend", 14), ("WeftBackend", 14), ("ThreadingBackend", 14)]


def test_an_error_arrives_as_it_is_and_the_next_call_works():
    """The first failure ends the call."""

    def fails(n):
        if n == 5:
            raise LookupError("five")
        return n

    with joblib.parallel_config(backend="weft", n_jobs=2), joblib.Parallel() as parallel:
        with pytest.raises(LookupError, match="five"):
            parallel(joblib.delayed(fails)(n) for n in range(50))
        assert parallel(joblib.delayed(square)(n) for n in range(5)) == [0, 1, 4, 9, 16]


def test_a_worker_that_dies_costs_its_batch_another_try(tmp_path):
    """With loky all that is pending fails."""

    def dies_once(n):
        marker = tmp_path / "died"
        if n == 7 and not marker.exists():
            marker.touch()
            os._exit(3)
        return n

    with joblib.parallel_config(backend="weft", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(dies_once)(n) for n in range(20)) == list(range(20))


def test_a_timeout_is_joblibs_own():
    """The call ends, and its workers with it."""
    import time

    with joblib.parallel_config(backend="weft", n_jobs=2), pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=0.3)(joblib.delayed(time.sleep)(30) for _ in range(2))


def test_what_executors_take_may_be_said():
    """And what they do not take is named."""
    with joblib.parallel_config(backend="weft", n_jobs=2, memory_limit="1 GiB", start_method="spawn"):
        assert joblib.Parallel()(joblib.delayed(square)(n) for n in range(3)) == [0, 1, 4]
    with pytest.raises(TypeError, match="unknown keyword 'memory'"):
        joblib.parallel_config(backend="weft", memory="1 GiB")


def test_native_threads_are_limited():
    """To each worker's share, or as many as are asked for; an initializer is called all the same."""

    def limit(_):
        return os.environ.get("OMP_NUM_THREADS"), os.environ.get("WEFT_TEST_MARK")

    with joblib.parallel_config(backend="weft", n_jobs=2, inner_max_num_threads=3, initializer=mark, initargs=("x",)):
        assert set(joblib.Parallel()(joblib.delayed(limit)(n) for n in range(4))) == {("3", "x")}


def mark(value):
    os.environ["WEFT_TEST_MARK"] = value


def test_scikit_learn_runs_on_it():
    """The same numbers as without."""
    pytest.importorskip("sklearn")
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.svm import SVC

    X, y = make_classification(120, 6, random_state=0)

    def work():
        search = GridSearchCV(SVC(), {"C": [0.1, 1, 10]}, cv=3).fit(X, y)
        forest = RandomForestClassifier(8, random_state=0)
        scores = cross_val_score(forest, X, y, cv=3)
        return (
            search.best_params_,
            list(search.cv_results_["mean_test_score"]),
            list(scores),
            list(forest.fit(X, y).predict(X)),
        )

    alone = work()
    with joblib.parallel_config(backend="weft", n_jobs=2):
        assert work() == alone


def fill(out, n):
    out[n] = n


@pytest.mark.parametrize("how", [{}, {"inner_max_num_threads": 1}])
def test_what_is_written_into_an_array_that_is_a_file_is_in_the_file(tmp_path, how):
    """Joblib's own way to have results without sending them: https://joblib.readthedocs.io/en/latest/parallel.html."""
    np = pytest.importorskip("numpy")
    whole = np.memmap(tmp_path / "out", float, "w+", shape=(3, 40))
    whole[:] = -1
    with joblib.parallel_config(backend="weft", n_jobs=2, **how):
        joblib.Parallel()(joblib.delayed(fill)(whole[1], n) for n in range(40))
        joblib.Parallel()(joblib.delayed(lambda parts, n: fill(parts[0], n))([whole[2, ::-2]], n) for n in range(20))
    assert whole[0].tolist() == [-1] * 40
    assert whole[1].tolist() == list(range(40))
    assert whole[2, ::-2].tolist() == list(range(20))
    assert whole[2, ::2].tolist() == [-1] * 20


@pytest.mark.parametrize("mode", ["r", "c", "r+", "gone"])
def test_an_array_that_is_a_file_arrives_as_it_is(tmp_path, mode):
    """One that is private, or whose file has lost its name, is a copy, as any."""
    np = pytest.importorskip("numpy")
    np.arange(12.0).tofile(tmp_path / "in")
    array = np.memmap(tmp_path / "in", float, "r+" if mode == "gone" else mode, 16, (5, 2))
    if mode == "c":
        array[0] = 77
    if mode == "gone":
        (tmp_path / "in").unlink()
    with joblib.parallel_config(backend="weft", n_jobs=2):
        got = joblib.Parallel()(joblib.delayed(lambda a: (a.tolist(), a.flags.writeable))(a) for a in (array, array.T))
    assert got == [(array.tolist(), mode != "r"), (array.T.tolist(), mode != "r")]
