//! Any other HTTP API: every path is passed, except what is plainly administration.
//!
//! Many of them speak one of the dialects we know under a prefix of their own, so a path is also
//! looked up in the other tables, to learn what kind of request it is.

use crate::route::served::{Route, RouteError};
use crate::route::{anthropic_paths, openai_paths};
use keyweir_terms::endpoint::Endpoint;

/// Segments that versions and products put before the path proper.
const PREFIXES: &[&str] = &[
    "api",
    "openai",
    "anthropic",
    "inference",
    "compatible-mode",
    "upload",
];

/// Segments that manage accounts, keys, people or money, wherever in a path they stand: vendors and
/// the proxies before them (LiteLLM, OpenRouter, Fireworks) put them behind each other
/// (`/api/v1/auth/keys`, `/team/new`).
const ADMINISTRATION: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "api-keys",
    "api_keys",
    "apikeys",
    "audit",
    "audit_logs",
    "auth",
    "billing",
    "budget",
    "budgets",
    "config",
    "configs",
    "cost",
    "costs",
    "credential",
    "credentials",
    "credit",
    "credits",
    "customer",
    "customers",
    "dashboard",
    "end_user",
    "invitation",
    "invitations",
    "invites",
    "invoice",
    "invoices",
    "key",
    "keys",
    "license",
    "login",
    "member",
    "members",
    "oauth",
    "org",
    "organisation",
    "organisations",
    "organization",
    "organizations",
    "orgs",
    "payment",
    "payments",
    "role",
    "roles",
    "scim",
    "secret",
    "secrets",
    "service_accounts",
    "settings",
    "spend",
    "sso",
    "subscription",
    "subscriptions",
    "team",
    "teams",
    "usage",
    "user",
    "users",
    "whoami",
    "workspace",
    "workspaces",
];

/// What follows `model` where a proxy's models are managed, and not asked.
const MODEL_ADMINISTRATION: &[&str] = &["delete", "info", "new", "update"];

pub(super) fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
    let bare = without_prefixes(path);
    if is_administration(path) {
        return Err(RouteError::Forbidden);
    }
    let is_call = method == "POST" && model_call(bare).is_some();
    let kept = || kept(method, bare).filter(|_| !is_call);
    // The operations that make videos are each below its model.
    let operation = below_model(bare).map(|rest| in_collection(method, bare, rest));
    Ok(operation
        .or_else(|| known(method, path, bare))
        .or_else(kept)
        .unwrap_or_else(|| unknown(method, bare)))
}

/// Where APIs keep what was made there, beside files and batches: what is in one of these is its
/// maker's, and a list of it is filtered. Gemini's, OpenAI's that their own dialect does not serve,
/// Mistral's, Cohere's, Replicate's, Bedrock's.
const COLLECTIONS: &[&str] = &[
    "/assistants",
    "/batch/jobs",
    "/batches",
    "/cachedContents",
    "/corpora",
    "/datasets",
    "/embed-jobs",
    "/evals",
    "/fileSearchStores",
    "/files",
    "/fine-tunes",
    "/fine_tunes",
    "/fine_tuning/jobs",
    "/model-invocation-jobs",
    "/operations",
    "/predictions",
    "/threads",
    "/trainings",
    "/tunedModels",
];

/// Something in a collection, or all of it.
fn kept<'a>(method: &str, bare: &'a str) -> Option<Route<'a>> {
    let rest = COLLECTIONS.iter().find_map(|name| bare.strip_prefix(name));
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(in_collection(method, bare, rest))
}

/// What follows `/models/{model}/operations`.
fn below_model(bare: &str) -> Option<&str> {
    let (_, rest) = bare.strip_prefix("/models/")?.split_once("/operations")?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// What `rest` of `bare` is, behind a collection.
fn in_collection<'a>(method: &str, bare: &'a str, rest: &'a str) -> Route<'a> {
    let id = rest
        .strip_prefix('/')
        .and_then(|it| it.split(['/', ':']).next());
    let id = id.filter(|id| !id.is_empty());
    Route {
        resource: id,
        is_list: method == "GET" && id.is_none(),
        creates_resource: method == "POST" && id.is_none(),
        ..unknown(method, bare)
    }
}

/// What the other dialects would make of it. Nothing is demanded of the body.
fn known<'a>(method: &str, path: &'a str, bare: &'a str) -> Option<Route<'a>> {
    let openai = openai_paths::route(method, bare);
    let found = openai
        .or_else(|_| anthropic_paths::route(method, path))
        .or_else(|_| anthropic_paths::route(method, versioned(path)?))
        .ok()?;
    Some(Route {
        has_model_body: false,
        // Google's verbs stand behind what they are done to.
        resource: found.resource.and_then(|id| id.split(':').next()),
        ..found
    })
}

/// The part of `path` from its version on.
fn versioned(path: &str) -> Result<&str, RouteError> {
    path.find("/v1/")
        .map(|at| &path[at..])
        .ok_or(RouteError::NotServed)
}

fn unknown<'a>(method: &str, bare: &'a str) -> Route<'a> {
    let call = model_call(bare).filter(|_| method == "POST");
    let creates = call.is_some_and(|(_, verb)| MAKING_VERBS.contains(&verb));
    Route {
        endpoint: match call {
            Some((_, "countTokens")) => Endpoint::CountTokens,
            Some((_, verb)) if verb.contains("atch") && creates => Endpoint::Batches,
            Some(_) => Endpoint::Inference,
            None => Endpoint::Other,
        },
        resource: None,
        is_list: false,
        creates_resource: creates,
        has_model_body: false,
        has_json_body: method == "POST",
        model: call.map(|(model, _)| model),
    }
}

/// What may be asked of Gemini's models that is not done at once: the answer names a batch or an
/// operation to ask for later.
const MAKING_VERBS: [&str; 3] = [
    "asyncBatchEmbedContent",
    "batchGenerateContent",
    "predictLongRunning",
];

/// What a path asks which model for.
///
/// - `/models/{model}:{verb}`, as Gemini's paths are. One that was tuned is a model, too.
/// - `/projects/…/publishers/{publisher}/models/{model}:{verb}`: Vertex.
/// - `/model/{model}/{verb}`: Bedrock.
fn model_call(bare: &str) -> Option<(&str, &str)> {
    let model = bare
        .strip_prefix("/models/")
        .or_else(|| bare.strip_prefix("/tunedModels/"));
    if let Some(model) = model {
        return model.rsplit_once(':');
    }
    of_vertex(bare).or_else(|| of_bedrock(bare))
}

/// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/projects.locations.publishers.models>.
fn of_vertex(bare: &str) -> Option<(&str, &str)> {
    const VERBS: [&str; 7] = [
        "countTokens",
        "embedContent",
        "generateContent",
        "predict",
        "rawPredict",
        "streamGenerateContent",
        "streamRawPredict",
    ];
    let (before, call) = bare.rsplit_once("/models/")?;
    let (place, publisher) = before.rsplit_once("/publishers/")?;
    let is_place = place.is_empty() || place.starts_with("/projects/");
    let (model, verb) = call.rsplit_once(':')?;
    let is_call = VERBS.contains(&verb) && !publisher.contains('/') && !model.contains('/');
    (is_place && is_call).then_some((model, verb))
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>.
fn of_bedrock(bare: &str) -> Option<(&str, &str)> {
    let (model, verb) = bare.strip_prefix("/model/")?.rsplit_once('/')?;
    let verb = match verb {
        "converse" | "converse-stream" | "invoke" | "invoke-with-response-stream" => verb,
        "count-tokens" => "countTokens",
        _ => return None,
    };
    // Profiles are named by ARNs, whose slashes are escaped.
    (!model.is_empty() && !model.contains('/')).then_some((model, verb))
}

/// `path` from its first proper segment on.
fn without_prefixes(path: &str) -> &str {
    let mut rest = path;
    while let Some((segment, after)) = rest.strip_prefix('/').and_then(cut_segment) {
        if !is_prefix(segment) {
            break;
        }
        rest = after;
    }
    rest
}

/// The first segment, and what follows from its slash on; `None` for the last one.
fn cut_segment(path: &str) -> Option<(&str, &str)> {
    path.find('/').map(|end| path.split_at(end))
}

fn is_prefix(segment: &str) -> bool {
    is_version(segment) || PREFIXES.contains(&segment)
}

/// `v1`, `v1beta`, `v2.1`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    })
}

/// Looks through escaped slashes too: the provider may. A segment's verb (`keys:list`) is no part of
/// its name.
fn is_administration(path: &str) -> bool {
    let segments = path
        .split('/')
        .flat_map(|segment| segment.split("%2f").flat_map(|part| part.split("%2F")))
        .map(|segment| {
            let end = segment.find([':', '%']).unwrap_or(segment.len());
            &segment[..end]
        });
    let is_in = |list: &[&str], segment: &str| {
        let mut list = list.iter();
        list.any(|name| segment.eq_ignore_ascii_case(name))
    };
    let mut before = "";
    for segment in segments {
        if is_in(ADMINISTRATION, segment)
            || before.eq_ignore_ascii_case("model") && is_in(MODEL_ADMINISTRATION, segment)
        {
            return true;
        }
        before = segment;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_paths_of_other_dialects_under_any_prefix() {
        use Endpoint::*;
        for (method, path, endpoint) in [
            ("POST", "/v1/chat/completions", Inference),
            ("POST", "/chat/completions", Inference),
            ("POST", "/api/v1/chat/completions", Inference),
            ("POST", "/openai/v1/responses", Inference),
            ("POST", "/v1/messages", Inference),
            ("POST", "/api/anthropic/v1/messages", Inference),
            ("POST", "/v1/messages/count_tokens", CountTokens),
            (
                "POST",
                "/v1beta/models/gemini-pro:generateContent",
                Inference,
            ),
            ("POST", "/v1beta/models/gemini-pro:countTokens", CountTokens),
            ("GET", "/v1/models", Models),
            ("GET", "/v1/files", Files),
            ("POST", "/upload/v1beta/files", Files),
            ("GET", "/api/hello", Probe),
            ("POST", "/v2/rerank", Other),
            ("PUT", "/whatever/you/like", Other),
            ("GET", "/", Other),
        ] {
            let found = route(method, path).unwrap();
            assert_eq!(found.endpoint, endpoint, "{method} {path}");
            assert!(!found.has_model_body);
        }
        let call = route("POST", "/v1beta/models/gemini-pro:streamGenerateContent").unwrap();
        assert_eq!(call.model, Some("gemini-pro"));
        for (path, id) in [
            ("/v1beta/files/a-1", "a-1"),
            ("/v1beta/batches/b1", "b1"),
            ("/v1beta/cachedContents/c1", "c1"),
            ("/v1beta/models/veo/operations/o1", "o1"),
            ("/v1/fine_tuning/jobs/ftjob-1/events", "ftjob-1"),
        ] {
            for method in ["GET", "DELETE", "POST"] {
                let verb = if method == "POST" { ":cancel" } else { "" };
                let path = format!("{path}{verb}");
                let found = route(method, &path).unwrap().resource;
                assert_eq!(found, Some(id), "{method} {path}");
            }
        }
        for path in [
            "/v1beta/files",
            "/v1beta/batches",
            "/v1beta/cachedContents",
            "/v1beta/tunedModels",
            "/v1beta/models/veo/operations",
            "/openai/v1/fine_tuning/jobs",
            "/v1/assistants",
        ] {
            assert!(route("GET", path).unwrap().is_list, "{path}");
        }
        assert!(!route("GET", "/v1beta/models").unwrap().is_list);
        for (verb, endpoint) in [
            ("batchGenerateContent", Batches),
            ("predictLongRunning", Inference),
        ] {
            let path = format!("/v1beta/models/m:{verb}");
            let made = route("POST", &path).unwrap();
            assert!(made.creates_resource && made.endpoint == endpoint, "{path}");
            assert_eq!(made.model, Some("m"));
        }
    }

    #[test]
    fn vertex_and_bedrock_name_the_model_in_their_paths() {
        use Endpoint::*;
        for (path, model, endpoint) in [
            (
                "/model/anthropic.claude-x-v1:0/converse",
                "anthropic.claude-x-v1:0",
                Inference,
            ),
            (
                "/model/anthropic.claude-x-v1%3A0/converse-stream",
                "anthropic.claude-x-v1%3A0",
                Inference,
            ),
            ("/model/meta.llama/invoke", "meta.llama", Inference),
            (
                "/model/meta.llama/invoke-with-response-stream",
                "meta.llama",
                Inference,
            ),
            ("/model/meta.llama/count-tokens", "meta.llama", CountTokens),
            (
                "/v1/projects/p/locations/global/publishers/google/models/gemini-x:streamGenerateContent",
                "gemini-x",
                Inference,
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@2026:streamRawPredict",
                "claude-x@2026",
                Inference,
            ),
            (
                "/v1/publishers/google/models/gemini-x:countTokens",
                "gemini-x",
                CountTokens,
            ),
        ] {
            let found = route("POST", path).unwrap();
            assert_eq!(
                (found.model, found.endpoint),
                (Some(model), endpoint),
                "{path}"
            );
            assert!(found.has_json_body && !found.creates_resource, "{path}");
        }
        // Nobody is asked for anything here, or the model is not all of the name.
        for path in [
            "/model/a/b/converse",
            "/model//converse",
            "/model/a/async-invoke",
            "/v1/projects/p/publishers/a/b/models/m:predict",
            "/v1/projects/p/locations/l/publishers/google/models/veo:fetchPredictOperation",
            "/v1/projects/p/locations/l/endpoints/7:predict",
        ] {
            assert_eq!(route("POST", path).unwrap().model, None, "{path}");
        }
    }

    #[test]
    fn names_of_models_and_things_are_no_administration() {
        for path in [
            "/v1beta/models/gemini-pro:generateContent",
            "/v1/projects/p/locations/global/publishers/google/models/gemini:predict",
            "/model/anthropic.claude-v2/invoke",
            "/v1/keyframes",
            "/v1/files/user-1",
            "/v2/rerank",
        ] {
            assert!(route("POST", path).is_ok(), "{path}");
        }
    }

    #[test]
    fn refuses_administration() {
        for path in [
            "/v1/organization/costs",
            "/v1/organizations/x",
            "/api/v1/keys",
            "/api/v1/credits",
            "/admin",
            "/Admin/users",
            "/v1/oauth%2ftoken",
            "/v1%2Foauth/token",
            "/api%2fv1%2fkeys",
            "/dashboard/billing",
            "/key/generate",
            "/api/v1/key",
            "/api/v1/auth/keys",
            "/user/new",
            "/v1/USERS",
            "/team/list",
            "/organization/info",
            "/v1/accounts/a/deployments",
            "/v1/projects/p/keys:list",
            "/x%2fBilling%3alist",
            "/model/new",
            "/model/update",
            "/global/spend/logs",
            "/config/yaml",
        ] {
            assert_eq!(route("GET", path), Err(RouteError::Forbidden), "{path}");
        }
    }
}
