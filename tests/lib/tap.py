"""For test suites in Python: result(...) for each test, done_testing() at the end, as tests/lib/tap.sh has them for bash."""
count = 0


def result(good, name, why=()):
    """why: lines that tell about a failure; tests/run shows what comes before a result."""
    global count
    count += 1
    for line in () if good else why:
        print(f"# {line}")
    print(f"{'ok' if good else 'not ok'} {count} - {name}")


def done_testing():
    print(f"1..{count}")
