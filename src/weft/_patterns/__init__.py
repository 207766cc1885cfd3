"""What people call: one pattern per file, built on the engine as any user could build it."""
