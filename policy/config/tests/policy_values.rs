//! What a policy file says arrives where it belongs.

use std::time::{Duration, SystemTime};

use keyweir_config::file;
use keyweir_config::file::{
    AccessLogSettings, Account, AdminTlsSettings, ClientCertificate, Fallback, GatewayLimits,
    GatewaySettings, JwtKeys, JwtSettings, LimitScope, Policy, ProviderHttp, ProxySettings,
    RedisSettings, ReplicaCount, Scheme, SecretRef, StreamSettings, Timeouts, TlsSettings,
    TracesSettings, UpstreamSettings, WaitingSettings,
};
use keyweir_exchange::fallback::Occasions;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_pool::reserves::{ReserveSpec, Reserves};
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_tenancy::token::{Algorithm, Rules};
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::ids::{AccountId, KeyId, ModelGroupId, ProviderId, TenantId};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::Priority;

const SMALLEST: &str = include_str!("policy_files/good/smallest.toml");

fn parse(files: &[(&str, &str)]) -> Policy {
    match file::parse(files, SystemTime::UNIX_EPOCH) {
        Ok((policy, _)) => policy,
        Err(report) => panic!("{report}"),
    }
}

fn with_settings(settings: &str) -> Policy {
    parse(&[("a.toml", SMALLEST), ("b.toml", settings)])
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn without_settings_the_defaults_hold() {
    let policy = parse(&[("a.toml", SMALLEST)]);
    assert_eq!(policy.gateway, GatewaySettings::default());
    assert_eq!(policy.waiting, WaitingSettings::default());
    assert_eq!(policy.retry, RetryLimits::default());
}

/// Every setting has a value of its own here, so that none can stand for another.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_gateway_setting_arrives_in_its_place() {
    let gateway = with_settings(
        r#"
        [gateway]
        listen = ["127.0.0.1:1", "[::1]:2"]
        admin = "127.0.0.1:3"
        admin_token = { env = "FOUR" }
        threads = 4
        replicas = { dns = "four.example", least = 41 }
        models_refresh = "45s"
        cors_origins = ["https://Four.example:44"]
        seek_unknown_ids = true
        sealed_ids_kept = "46m"
        [[gateway.jwt]]
        issuer = "https://47.example"
        audiences = ["48"]
        claim = "49"
        jwks_url = "https://50.example/keys.json"
        refresh = "51s"
        keys_kept = "54m"
        ca_file = "52.pem"
        algorithms = ["ES384"]
        leeway = "53s"
        [gateway.shared.redis]
        urls = ["rediss://cache:54/55", "redis://[::56]"]
        sentinel = "57"
        username = "58"
        password = { env = "FIFTY_NINE" }
        sentinel_username = "581"
        sentinel_password = { file = "591" }
        ca_file = "60.pem"
        cert_file = "601.pem"
        key_file = "602.pem"
        prefix = "61"
        interval = "62ms"
        timeout = "63ms"
        [gateway.proxies]
        trusted = ["10.1.2.3/8", "fd00::7"]
        proxy_protocol = true
        [gateway.admin_tls]
        cert_file = "sixty-four.pem"
        key_file = "/sixty-five.pem"
        client_ca_file = "sixty-six.pem"
        [gateway.tls]
        listen = ["127.0.0.1:5"]
        cert_file = "six.pem"
        key_file = "/seven.pem"
        [gateway.limits]
        body_bytes_max = "8 MiB"
        body_bytes_held_max = 9_000_000
        body_bytes_held_per_tenant_max = 9_001
        header_bytes_max = 10_000
        header_count_max = 11
        connections_max = 12
        unauthenticated_connections_max = 121
        unauthenticated_connections_per_address_max = 122
        requests_in_flight_max = 13
        requests_in_flight_per_tenant_max = 131
        streams_per_connection_max = 14
        recent_requests_max = 141
        [gateway.timeouts]
        connect = "15s"
        send = "16s"
        head = "17s"
        first_token = "19s"
        first_token_fallback = "1900ms"
        stream_idle = "18s"
        attempts = "19s"
        client_header = "20s"
        client_body = "21s"
        client_write = "22s"
        client_idle = "23s"
        drain_delay = "24s"
        drain = "25s"
        [gateway.stream]
        hold_head = "26s"
        hold_bytes_max = 27_000
        whole_bytes_max = 27_500
        [gateway.upstream]
        idle_max = 28
        idle = "29s"
        h2_streams_max = 30
        dns_refresh = "31s"
        [gateway.access_log]
        sample = 0.32
        [gateway.traces]
        endpoint = "http://collector:33"
        sample = 0.34
        [[tenant]]
        id = "named-by-tokens"
        "#,
    )
    .gateway;
    let address = |text: &str| text.parse().expect("an address");
    let expected = GatewaySettings {
        listen: vec![address("127.0.0.1:1"), address("[::1]:2")],
        admin: Some(address("127.0.0.1:3")),
        admin_token: Some(SecretRef::Env("FOUR".to_owned())),
        admin_tls: Some(Box::new(AdminTlsSettings {
            cert_file: "sixty-four.pem".into(),
            key_file: "/sixty-five.pem".into(),
            client_ca_file: Some("sixty-six.pem".into()),
        })),
        threads: Some(4),
        replicas: ReplicaCount::Named {
            dns: "four.example".to_owned(),
            least: Replicas::new(41),
        },
        redis: Some(Box::new(RedisSettings {
            urls: ["rediss://cache:54/55", "redis://[::56]"]
                .map(|url| url.parse().expect("an address"))
                .to_vec(),
            sentinel: Some("57".to_owned()),
            username: Some("58".to_owned()),
            password: Some(SecretRef::Env("FIFTY_NINE".to_owned())),
            sentinel_username: Some("581".to_owned()),
            sentinel_password: Some(SecretRef::File("591".into())),
            ca_file: Some("60.pem".into()),
            certificate: Some(ClientCertificate {
                cert_file: "601.pem".into(),
                key_file: "602.pem".into(),
            }),
            prefix: "61".to_owned(),
            interval: Duration::from_millis(62),
            timeout: Duration::from_millis(63),
        })),
        access_log: AccessLogSettings { sample: 0.32 },
        traces: TracesSettings {
            endpoint: Some("http://collector:33".to_owned()),
            sample: 0.34,
        },
        jwt: vec![JwtSettings {
            rules: Rules {
                issuer: "https://47.example".to_owned(),
                audiences: vec!["48".to_owned()],
                algorithms: vec![Algorithm::Es384],
                claim: "49".to_owned(),
                leeway: secs(53),
            },
            keys: JwtKeys::Url("https://50.example/keys.json".parse().expect("a URL")),
            refresh: secs(51),
            keys_kept: secs(54 * 60),
            ca_file: Some("52.pem".into()),
        }],
        cors_origins: vec!["https://four.example:44".to_owned()],
        models_refresh: secs(45),
        seek_unknown_ids: true,
        proxies: ProxySettings {
            trusted: vec![
                "10.0.0.0/8".parse().expect("a block"),
                "fd00::7/128".parse().expect("a block"),
            ],
            proxy_protocol: true,
        },
        sealed_ids_kept: secs(46 * 60),
        tls: Some(TlsSettings {
            listen: vec![address("127.0.0.1:5")],
            cert_file: "six.pem".into(),
            key_file: "/seven.pem".into(),
        }),
        limits: GatewayLimits {
            body_bytes_max: 8 << 20,
            body_bytes_held_max: 9_000_000,
            body_bytes_held_per_tenant_max: 9_001,
            header_bytes_max: 10_000,
            header_count_max: 11,
            connections_max: 12,
            unauthenticated_connections_max: 121,
            unauthenticated_connections_per_address_max: 122,
            requests_in_flight_max: 13,
            requests_in_flight_per_tenant_max: 131,
            streams_per_connection_max: 14,
            recent_requests_max: 141,
        },
        timeouts: Timeouts {
            connect: secs(15),
            send: secs(16),
            head: secs(17),
            first_token: secs(19),
            first_token_fallback: Duration::from_millis(1900),
            stream_idle: secs(18),
            attempts: secs(19),
            client_header: secs(20),
            client_body: secs(21),
            client_write: secs(22),
            client_idle: secs(23),
            drain_delay: secs(24),
            drain: secs(25),
        },
        stream: StreamSettings {
            hold_head: secs(26),
            hold_bytes_max: 27_000,
            whole_bytes_max: 27_500,
        },
        upstream: UpstreamSettings {
            idle_max: 28,
            idle: secs(29),
            h2_streams_max: 30,
            dns_refresh: secs(31),
        },
    };
    assert_eq!(gateway, expected);
}

#[test]
fn every_setting_of_waiting_and_retrying_arrives_in_its_place() {
    let policy = with_settings(
        r#"
        [waiting]
        patience = "1s"
        patience_max = "2s"
        fallback_after = "300ms"
        requests_max = 3
        per_tenant_max = 4
        bytes_max = 5
        [retry]
        attempts_max = 6
        ambiguous = false
        budget_share = 0.7
        budget_per_sec = 8
        "#,
    );
    let waiting = WaitingSettings {
        patience: secs(1),
        patience_max: secs(2),
        fallback_after: Duration::from_millis(300),
        room: RoomLimits {
            requests_max: 3,
            per_tenant_max: 4,
            bytes_max: 5,
        },
    };
    let retry = RetryLimits {
        attempts_max: 6,
        ambiguous: false,
        budget_share: 0.7,
        budget_per_sec: 8.0,
    };
    assert_eq!(policy.waiting, waiting);
    assert_eq!(policy.retry, retry);
}

#[test]
fn raising_one_bound_takes_its_partner_along() {
    let policy = with_settings(
        "[gateway.limits]\nbody_bytes_max = \"1 GiB\"\n[waiting]\npatience = \"1h\"\n",
    );
    assert_eq!(policy.gateway.limits.body_bytes_held_max, 1 << 30);
    assert_eq!(policy.waiting.patience_max, secs(3_600));
}

#[test]
fn admin_can_be_off_and_threads_automatic() {
    let gateway = with_settings("[gateway]\nadmin = \"off\"\nthreads = \"auto\"\n").gateway;
    assert_eq!((gateway.admin, gateway.threads), (None, None));
}

fn several_providers() -> Policy {
    parse(&[(
        "keys.toml",
        include_str!("policy_files/good/several_providers.toml"),
    )])
}

#[test]
fn providers_and_their_defaults() {
    let policy = several_providers();
    assert_eq!(policy.provider_order, [0, 1, 2].map(ProviderId));
    let [anthropic, azure, own] = [0, 1, 2].map(|id| policy.provider(ProviderId(id)));
    assert_eq!(anthropic.dialect, Dialect::Anthropic);
    assert_eq!(anthropic.base_url.to_string(), "https://api.anthropic.com");
    assert_eq!(anthropic.credential, CredentialStyle::XApiKey);
    assert_eq!(anthropic.http, ProviderHttp::Auto);
    assert!(anthropic.models.matches("claude-x") && !anthropic.models.matches("gpt-5"));
    assert_eq!(anthropic.model_groups[ModelGroupId(0)].id, "opus-4");
    assert_eq!(
        (azure.credential, azure.http),
        (CredentialStyle::ApiKey, ProviderHttp::Http1)
    );
    assert_eq!(
        (own.credential, own.http),
        (CredentialStyle::Bearer, ProviderHttp::Http2)
    );
    assert_eq!(
        (own.base_url.scheme, own.base_url.port),
        (Scheme::Http, 8000)
    );
    assert_eq!(own.base_url.path_prefix, "/v1");
    assert_eq!(own.ca_file.as_deref(), Some("ca.pem".as_ref()));
}

#[test]
fn accounts_find_their_provider_and_keys_their_secret() {
    let policy = several_providers();
    let ids = |provider| {
        let accounts = &policy.provider(ProviderId(provider)).accounts;
        accounts.values().map(|it| &it.id).collect::<Vec<_>>()
    };
    assert_eq!([ids(0), ids(1), ids(2)], [["team-a"], ["azure-1"], ["own"]]);
    let key = |provider| &policy.provider(ProviderId(provider)).keys[KeyId(0)];
    assert_eq!(key(0).id, "team-a-1");
    assert_eq!(key(0).account, AccountId(0));
    assert_eq!(key(0).secret, SecretRef::Env("KEY_A1".into()));
    assert_eq!(
        key(1).secret,
        SecretRef::File("/run/secrets/azure-1".into())
    );
}

/// The first account of the first provider.
fn first_account(policy: &Policy) -> &Account {
    &policy.provider(ProviderId(0)).accounts[AccountId(0)]
}

#[test]
fn limits_keep_their_scope_and_dimension() {
    let policy = several_providers();
    let limits = &first_account(&policy).limits;
    let mut per_minute = [None; Dimension::COUNT];
    per_minute[Dimension::Requests.index()] = Some(4_000);
    assert_eq!(limits[0].scope, LimitScope::Group(ModelGroupId(0)));
    assert_eq!(limits[0].per_minute, per_minute);
    assert_eq!(limits[0].burst, Some(secs(3)));
    assert!(
        matches!(&limits[1].scope, LimitScope::Models(models) if models.matches("claude-haiku-4"))
    );
    assert_eq!(
        limits[1].per_minute[Dimension::Tokens.index()],
        Some(100_000)
    );
    assert_eq!(
        limits[2].per_minute[Dimension::InputTokens.index()],
        Some(400_000)
    );
    assert_eq!(
        limits[2].per_minute[Dimension::OutputTokens.index()],
        Some(80_000)
    );
}

#[test]
fn limit_for_every_group_stands_last_wherever_it_is_written() {
    let text = format!(
        "{SMALLEST}\n[[account.limit]]\nrequests_per_minute = 1\n\
         [[account.limit]]\nmodels = [\"a*\"]\nrequests_per_minute = 2\n\
         [[account.limit]]\nmodels = [\"b*\"]\nrequests_per_minute = 3\n"
    );
    let policy = parse(&[("keys.toml", &text)]);
    let order: Vec<_> = first_account(&policy)
        .limits
        .iter()
        .map(|limit| limit.per_minute[0])
        .collect();
    assert_eq!(order, [Some(2), Some(3), Some(1)]);
}

#[test]
fn tenants_and_fallbacks() {
    let policy = several_providers();
    let search = policy.tenant(TenantId(0));
    assert_eq!(search.client_keys.len(), 1);
    assert_eq!((search.priority, search.weight), (Priority::High, 10));
    assert_eq!(search.patience, Some(secs(60)));
    // 2027-01-01
    assert_eq!(
        search.expires,
        Some(SystemTime::UNIX_EPOCH + secs(1_798_761_600))
    );
    let step = |model: Option<&str>, provider: Option<u32>, account| Fallback {
        model: model.map(str::to_owned),
        provider: provider.map(ProviderId),
        account,
        on: Occasions::default(),
    };
    let steps = [
        step(Some("claude-haiku-4-5"), None, None),
        step(Some("gpt-5"), Some(1), None),
        step(None, None, Some((ProviderId(2), AccountId(0)))),
    ];
    assert_eq!(search.fallbacks, steps);
    let chat = policy.tenant(TenantId(1));
    assert_eq!(
        (chat.priority, chat.weight, chat.patience),
        (Priority::Normal, 1, None)
    );
    // 2027-01-01T12:00:00+01:00
    assert_eq!(
        chat.expires,
        Some(SystemTime::UNIX_EPOCH + secs(1_798_801_200))
    );
    assert!(policy.fallbacks[0].models.matches("claude-opus-4"));
    assert_eq!(
        policy.fallbacks[0].steps,
        [step(Some("claude-sonnet-4-5"), None, None)]
    );
}

#[test]
fn client_keys_lead_to_their_tenant() {
    let key = keyweir_config::secret::ClientKey::from_random([9; 32]);
    let text = format!(
        "{SMALLEST}\n[[tenant]]\nid = \"a\"\nclient_keys = []\n\
         [[tenant]]\nid = \"b\"\nclient_keys = [\"{}\"]\n",
        key.hash()
    );
    let client_keys =
        keyweir_config::secret::ClientKeys::new(parse(&[("keys.toml", &text)]).client_keys());
    assert_eq!(
        client_keys.find(key.expose()).map(|found| found.tenant),
        Some(TenantId(1))
    );
    assert_eq!(client_keys.find("kw_other"), None);
}

#[test]
fn parts_of_accounts_are_kept_for_a_tenant_or_for_all_in_a_group() {
    let text = format!(
        "{SMALLEST}\n[[tenant_group]]\nid = \"lab\"\n\
         [[tenant_group.reserve]]\naccount = \"team-a\"\nshare = 0.25\n\
         [[tenant_group]]\nid = \"inner\"\ngroup = \"lab\"\n\
         [[tenant]]\nid = \"a\"\nclient_keys = []\n\
         [[tenant.reserve]]\naccount = \"team-a\"\nshare = 0.75\n\
         [[tenant]]\nid = \"b\"\nclient_keys = []\ngroup = \"inner\"\n"
    );
    let policy = parse(&[("keys.toml", &text)]);
    let team_a = (ProviderId(0), AccountId(0));
    let kept = &policy.tenant(TenantId(0)).reserves;
    assert_eq!((kept[0].account, kept[0].share), (team_a, 0.75));
    let part = |share, owner| ReserveSpec {
        account: AccountId(0),
        share,
        owners: vec![owner],
    };
    let expected = Reserves::new([part(0.75, TenantId(0)), part(0.25, TenantId(1))]);
    let reserves = keyweir_config::pool_spec::reserves(&policy, ProviderId(0));
    assert_eq!(reserves, expected);
}

#[test]
fn files_are_put_together_in_the_order_of_their_names() {
    let tenant = |id: &str| format!("[[tenant]]\nid = \"{id}\"\n");
    let (b, c) = (tenant("from-b"), tenant("from-c"));
    let policy = parse(&[("c.toml", &c), ("a.toml", SMALLEST), ("b.toml", &b)]);
    let ids: Vec<_> = policy
        .tenants
        .values()
        .map(|tenant| tenant.id.as_str())
        .collect();
    assert_eq!(ids, ["from-b", "from-c"]);
}

#[test]
fn literal_secret_is_in_no_debug_output() {
    let text = SMALLEST.replace("{ env = \"KEY_A1\" }", "\"sk-ant-api03-hunter2\"");
    let policy = parse(&[("keys.toml", &text)]);
    assert!(
        matches!(&policy.provider(ProviderId(0)).keys[KeyId(0)].secret,
        SecretRef::Literal(secret) if secret.expose() == "sk-ant-api03-hunter2")
    );
    assert!(!format!("{policy:?}").contains("hunter2"));
}
