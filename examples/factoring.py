"""Factoring: products of two primes taken apart by Pollard's rho; nobody knows beforehand how long one will take."""

from math import gcd, isqrt, prod

import weft


def is_prime(number):
    """Whether it is, by Miller and Rabin; certain for numbers below 3.3e24."""
    if number < 2 or any(number % small == 0 for small in (2, 3, 5, 7)):
        return number in {2, 3, 5, 7}
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41):
        power = pow(base, odd, number)
        if power == 1 or number in {power + 1, base}:
            continue
        if not any((power := power * power % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True


def divisor(number):
    """Some divisor of a number that is no prime: two walkers on a circle, one twice as fast."""
    if number % 2 == 0:
        return 2
    if isqrt(number) ** 2 == number:
        return isqrt(number)
    for step in range(1, 100):
        slow = fast = 2
        found = 1
        while found == 1:
            slow = (slow * slow + step) % number
            fast = (fast * fast + step) % number
            fast = (fast * fast + step) % number
            found = gcd(slow - fast, number)
        if found != number:
            return found
    raise ArithmeticError(f"no divisor of {number} found")


def factors(number):
    """Its prime factors, the smallest first."""
    if number == 1 or is_prime(number):
        return [number] if number > 1 else []
    part = divisor(number)
    return sorted(factors(part) + factors(number // part))


numbers = [10**20 + 37 * n for n in range(80)] + [1_000_003 * 1_000_033, 2**67 - 1, 10_000_019 * 10_000_079]
run = weft.map(factors, numbers, on="process")
found = run.results()
for number, primes in list(zip(numbers, found, strict=True))[-4:]:
    print(f"{number} = {' × '.join(map(str, primes))}")
print(run.explain().headline)

assert all(prod(primes) == number for number, primes in zip(numbers, found, strict=True))
assert all(is_prime(prime) for primes in found for prime in primes)
