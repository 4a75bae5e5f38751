

def run(text):
    names = {name: globals()[name] for name in ("Thing", "List", "Dict", "capture", "step", "gc")}
    try:
        exec(compile(text, "<sequence>", "exec"), names)
        print('{"end": true}')
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
    names.clear()
    watches.clear()
    died.clear()


# What is there already need not be looked at by each collection.
gc.collect()
gc.freeze()
for line in sys.stdin:
    run(json.loads(line))
    sys.stdout.flush()
