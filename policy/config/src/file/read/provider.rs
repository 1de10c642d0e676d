//! Table `provider`.

use std::path::PathBuf;

use crate::file::base_url::{BaseUrl, Scheme};
use crate::file::fields::Fields;
use crate::file::policy::ProviderHttp;
use crate::file::problems::At;
use crate::file::proxy_url::{ProxySetting, ProxyUrl};
use crate::file::read::bounds::{LIST_MAX, RULES_MAX};
use crate::file::read::names::{id, patterns};
use crate::file::read::secret_ref::variable;
use crate::file::read::settings::path;
use crate::file::report::Severity;
use crate::file::value::Value;
use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_wire::classify::{Charge, Rule};

/// First segments of paths that clients use without naming a provider: a provider of that name
/// would take requests away from all others.
const RESERVED_IDS: [&str; 5] = ["api", "v1", "v1alpha", "v1beta", "v2"];

pub(super) const DIALECTS: [(&str, Dialect); 3] = [
    (Dialect::Anthropic.as_str(), Dialect::Anthropic),
    (Dialect::OpenAi.as_str(), Dialect::OpenAi),
    (Dialect::Generic.as_str(), Dialect::Generic),
];

const HTTP_VERSIONS: [(&str, ProviderHttp); 3] = [
    (ProviderHttp::Auto.as_str(), ProviderHttp::Auto),
    (ProviderHttp::Http1.as_str(), ProviderHttp::Http1),
    (ProviderHttp::Http2.as_str(), ProviderHttp::Http2),
];

const CREDENTIALS: [(&str, CredentialStyle); 4] = [
    (CredentialStyle::XApiKey.as_str(), CredentialStyle::XApiKey),
    (CredentialStyle::Bearer.as_str(), CredentialStyle::Bearer),
    (CredentialStyle::ApiKey.as_str(), CredentialStyle::ApiKey),
    (
        CredentialStyle::XGoogApiKey.as_str(),
        CredentialStyle::XGoogApiKey,
    ),
];

/// A provider, as written.
#[derive(Debug)]
pub(in crate::file) struct RawProvider {
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) dialect: Option<Dialect>,
    pub(in crate::file) base_url: Option<BaseUrl>,
    pub(in crate::file) ca_file: Option<PathBuf>,
    pub(in crate::file) http: ProviderHttp,
    pub(in crate::file) proxy: ProxySetting,
    pub(in crate::file) credential: Option<CredentialStyle>,
    pub(in crate::file) stream_usage: bool,
    pub(in crate::file) whole_answers: bool,
    pub(in crate::file) models: ModelPatterns,
    pub(in crate::file) rules: Vec<Rule>,
    pub(in crate::file) groups: Vec<RawGroup>,
}

/// A model group, as written.
#[derive(Debug)]
pub(in crate::file) struct RawGroup {
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) models: Option<ModelPatterns>,
}

pub(super) fn provider(fields: &mut Fields<'_>) -> Option<RawProvider> {
    let id = id(fields);
    refuse_reserved(fields, id.as_ref());
    let dialect = fields.required("dialect", |value| value.one_of(&DIALECTS));
    Some(RawProvider {
        id,
        dialect,
        base_url: fields.required("base_url", |value| base_url(&value, dialect)),
        ca_file: fields.optional("ca_file", |value| path(&value)),
        http: fields.or("http", ProviderHttp::Auto, |value| {
            value.one_of(&HTTP_VERSIONS)
        }),
        proxy: fields.or("proxy", ProxySetting::default(), proxy),
        credential: fields.optional("credential", |value| value.one_of(&CREDENTIALS)),
        stream_usage: fields.or("stream_usage", true, |value| value.boolean()),
        whole_answers: fields.or("whole_answers", false, |value| value.boolean()),
        models: fields.or("models", ModelPatterns::any(), |value| patterns(&value)),
        rules: fields.tables("classify", RULES_MAX, rule),
        groups: fields.tables("model_group", LIST_MAX, group),
    })
}

fn refuse_reserved(fields: &Fields<'_>, id: Option<&At<String>>) {
    if let Some(id) = id.filter(|id| RESERVED_IDS.contains(&id.value.as_str())) {
        let message = format!(
            "may not be \"{}\": paths that begin with /{} would all go to this provider",
            id.value, id.value
        );
        fields
            .problems()
            .note(Severity::Error, id.spot.clone(), message);
    }
}

fn base_url(value: &Value<'_>, dialect: Option<Dialect>) -> Option<BaseUrl> {
    let url: BaseUrl = value.parsed()?;
    if url.scheme == Scheme::Http && !url.host.is_loopback() {
        value.warn(
            "http:// sends the provider keys in clear over the network",
            "write https://, unless only you can listen on the way",
        );
    }
    // In the openai dialect, a version in the base URL stands in the place of the client's; in
    // Anthropic's, only at its end.
    let mut segments = url.path_prefix.rsplit('/').skip(1);
    if dialect == Some(Dialect::Anthropic) && segments.any(|segment| segment == "v1") {
        value.warn(
            "requests bring their own /v1, so that paths would have it twice",
            "leave /v1 and what follows it out of the base URL",
        );
    }
    Some(url)
}

fn proxy(value: Value<'_>) -> Option<ProxySetting> {
    value.table_or(
        |value| {
            value.table(|fields| {
                let name = fields.required("env", |value| variable(&value))?;
                Some(ProxySetting::Env(name))
            })
        },
        |value| proxy_at(&value),
    )
}

fn proxy_at(value: &Value<'_>) -> Option<ProxySetting> {
    const HOW: &str = "write \"off\", \"http://host:port\" or { env = \"NAME\" }";
    let Some(text) = value.as_string() else {
        return value.refuse_with_hint("must say which proxy to use", HOW);
    };
    if text == "off" {
        return Some(ProxySetting::Off);
    }
    match text.parse::<ProxyUrl>() {
        Ok(proxy) if proxy.credentials().is_some() => value.refuse_with_hint(
            "holds credentials, which belong elsewhere",
            "put the address into an environment variable and write { env = \"NAME\" }",
        ),
        Ok(proxy) => Some(ProxySetting::At(proxy)),
        Err(error) => value.refuse_with_hint(error.to_string(), HOW),
    }
}

/// A row of the operator's before the table that says whose fault an answer is.
fn rule(fields: &mut Fields<'_>) -> Option<Rule> {
    let charges = Charge::ALL.map(|charge| (charge.as_str(), charge));
    let status = fields.optional("status", |value| value.count(400..=599));
    let code = fields.optional("code", |value| value.text().map(str::to_owned));
    let begins = fields.optional("begins", |value| value.text().map(str::to_owned));
    let charge = fields.required("charged_as", |value| value.one_of(&charges));
    if !["status", "code", "begins"]
        .iter()
        .any(|name| fields.has(name))
    {
        fields.problems().note_with_hint(
            Severity::Error,
            fields.spot().clone(),
            "fits every error",
            "set status, code or begins",
        );
    }
    let status = status.and_then(|status| u16::try_from(status).ok());
    Some(Rule::new(
        status,
        code.as_deref(),
        begins.as_deref(),
        charge?,
    ))
}

fn group(fields: &mut Fields<'_>) -> Option<RawGroup> {
    Some(RawGroup {
        id: id(fields),
        models: fields.required("models", |value| patterns(&value)),
    })
}
