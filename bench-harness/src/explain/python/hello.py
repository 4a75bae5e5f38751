import json, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "counts_at_once": not sysconfig.get_config_var("Py_GIL_DISABLED"),
}), flush=True)
