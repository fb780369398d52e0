#!/usr/bin/env bash
# Becomes `ai-ready gate|work|publish`: exec, so that the signals of a cancelled run reach Python and nothing of this
# shell is left. Inputs that were left empty do not hide what the runner's own environment says.
#
#   AI_READY_COMMAND    what install.sh put there
#   AI_READY_STEP       gate | work | publish
#   AI_READY_DIRECTORY  where work writes its result and publish reads it
#   INPUT_*             keys and addresses; exported under their own names where they are not empty
set -euo pipefail

for name in ANTHROPIC_API_KEY CLAUDE_CODE_OAUTH_TOKEN ANTHROPIC_BASE_URL SLACK_WEBHOOK_URL; do
  input="INPUT_$name"
  [ -z "${!input:-}" ] || export "$name=${!input}"
  unset "$input"
done

case "$AI_READY_STEP" in
  gate) exec "$AI_READY_COMMAND" gate ;;
  work) exec "$AI_READY_COMMAND" work --out "$AI_READY_DIRECTORY" ;;
  publish) exec "$AI_READY_COMMAND" publish --in "$AI_READY_DIRECTORY" ;;
esac
echo "::error title=ai-ready::The input 'step' must be gate, work or publish."
exit 2
