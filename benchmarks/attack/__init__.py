"""What `bench_attack.py` compares Lockgate with."""
