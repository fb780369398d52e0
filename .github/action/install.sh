#!/usr/bin/env bash
# Installs ai-ready for one step of action.yml and says where: `command=…` and `prefix=…` in $GITHUB_OUTPUT.
#
#   AI_READY_SOURCE  the checkout that holds action.yml, uv.lock and bot/
#   AI_READY_STEP    gate | work | publish; `work` also needs the Claude CLI, which the `agent` extra carries
#   AI_READY_BIN     (optional, set by whoever runs a self-hosted runner) an installed `ai-ready`: nothing is fetched
#
# Everything comes from uv.lock, wheels only, each checked against its hash; our own code is copied, not built, so
# that no build tool is fetched without one. Nothing is byte-compiled: that costs more than one run saves.
set -euo pipefail

fail() {
  echo "::error title=ai-ready::$1"
  exit 2
}

if [ -n "${AI_READY_BIN:-}" ]; then
  command -v -- "$AI_READY_BIN" > /dev/null || fail "AI_READY_BIN is set, but $AI_READY_BIN can't be run."
  echo "Using the installed $AI_READY_BIN"
  printf 'command=%s\nprefix=\n' "$AI_READY_BIN" >> "$GITHUB_OUTPUT"
  exit 0
fi

python=$(command -v python3) || fail "This runner has no python3; ai-ready needs 3.11 or newer (actions/setup-python)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "ai-ready needs python3 3.11 or newer; this runner has $("$python" -V 2>&1) (actions/setup-python)."

# Outside the home (0750 on GitHub's runners): the agent's user must be able to run the Claude CLI. Made fresh under a
# name nobody could foresee, owned by us, writable by nobody else: an earlier job on a self-hosted runner, or the
# agent, can plant nothing in it.
umask 022
prefix=$(mktemp -d /tmp/ai-ready.XXXXXXXXXXXX)
chmod 0755 "$prefix"
printf 'prefix=%s\n' "$prefix" >> "$GITHUB_OUTPUT" # first, so that a failed install is removed as well

# From here on in our own checkout: the repository's uv.toml or pip.conf has no say in what we install.
cd -- "$AI_READY_SOURCE"

if uv=$(command -v uv); then
  run_uv() { "$uv" "$@"; }
else
  "$python" -I -m pip --version > /dev/null || fail "This runner has neither uv nor pip; ai-ready needs one to install."
  "$python" -I -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes \
    --only-binary :all: --target "$prefix/uv" --requirement .github/action/uv.txt
  run_uv() { "$prefix/uv/bin/uv" "$@"; }
fi

extra=()
[ "$AI_READY_STEP" != work ] || extra=(--extra agent)
UV_PROJECT_ENVIRONMENT="$prefix/venv" UV_PYTHON_DOWNLOADS=never run_uv sync --quiet --frozen --no-default-groups \
  --no-install-project --no-build --no-progress --python "$python" "${extra[@]}"

mkdir "$prefix/code" "$prefix/bin"
cp -R bot "$prefix/code/bot"
site=$("$prefix/venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$prefix/code" > "$site/ai_ready.pth"
# -I: neither the working directory nor PYTHON* variables decide what is imported.
printf '#!/bin/sh\nexec %s -I -m bot "$@"\n' "$prefix/venv/bin/python" > "$prefix/bin/ai-ready"
chmod 0755 "$prefix/bin/ai-ready"
chmod -R go-w "$prefix" # uv leaves its lock file writable by everybody
printf 'command=%s\n' "$prefix/bin/ai-ready" >> "$GITHUB_OUTPUT"
