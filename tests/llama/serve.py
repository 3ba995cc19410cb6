"""Serves a model file with llama.cpp's own OpenAI-compatible server: serve.py MODEL PORT [NAME]."""

import sys
import time

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[2])
params.n_ctx = 6144
params.n_parallel = 1
# On a small machine a second thread costs more than it gives.
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
if len(sys.argv) > 3:
    params.model_alias = {sys.argv[3]}
server = xllamacpp.Server(params)
print("listening", flush=True)
while True:
    time.sleep(3600)
