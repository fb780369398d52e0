import json, signal, time, subprocess, os
import pytest
from bot.sandbox.model import Turn, done, write, bash
from tests.stories.conftest import Opens
from tests.stories.town import *
from bot.sandbox.actions.processes import descendants
CFG = 'agent: {model: sonnet}\nlimits: {usd: 1, minutes: 5}\nchecks: {test: "sleep 0.3; sh check.sh"}\n'

def uids():
    return {l.split()[1] for p in Path('/proc').glob('[0-9]*/status') for l in (p.read_text().splitlines() if p.exists() else []) if l.startswith('Uid') and 61000 <= int(l.split()[1]) <= 61183}

@pytest.mark.parametrize("delay", [0.05,0.15,0.25,0.4,0.55,0.7,0.85,1.0,1.2,1.4,1.6,1.8,2.0,2.3])
def test_sweep(opens: Opens, delay):
    town = opens(write("hello.py","x\n"), done("ok"), config=CFG)
    issue = town.asked()
    run = town.next_run(); run.gate()
    with run.killed("work") as env:
        p = run.process("work", env)
        t0=time.monotonic()
        try: p.wait(delay)
        except subprocess.TimeoutExpired: pass
        rc0 = p.poll()
        p.send_signal(signal.SIGINT)
        t=time.monotonic(); code=p.wait(30); took=time.monotonic()-t
        run._take(env)
    o = run.out/"outcome.json"
    oc = json.loads(o.read_text()) if o.exists() else None
    print("SWEEP", delay, "already" if rc0 is not None else "", code, f"{took:.2f}", bool(oc), oc and (oc["verdict"],oc["reason"],bool(oc["commit_oid"]), oc["metrics"]), bool(run.outputs.get("outcome_sha256")), uids(), (run.folder/"work.log").read_text()[-200:] if not oc else "")
    end = run.publish("cancelled"); run.end("cancelled")
    print("END", end.sentence, town.labels(issue))

@pytest.mark.parametrize("n", [150000])
def test_big(opens: Opens, n):
    town = opens(bash(f"mkdir -p node_modules && cd node_modules && for d in $(seq 300); do mkdir $d; (cd $d; seq -f 'f%g' {n//300} | xargs touch); done; echo x > ../hello.py; echo made"), Turn(delay=120), config=CFG)
    issue = town.asked()
    run = town.next_run(); run.gate()
    with run.killed("work") as env:
        p = run.process("work", env)
        end=time.monotonic()+90
        while len(town.prompts())<2 and time.monotonic()<end: time.sleep(.05)
        p.send_signal(signal.SIGINT)
        t=time.monotonic()
        o = run.out/"outcome.json"; at=None
        while p.poll() is None:
            if at is None and o.exists(): at=time.monotonic()-t
            time.sleep(.02)
        took=time.monotonic()-t
    print("BIG", p.returncode, f"{took:.2f}", "outcome at", at, json.loads(o.read_text())["metrics"] if o.exists() else None)
    run.publish("cancelled"); run.end("cancelled")
