//! Everything that can be set, section by section: the one list that reading, variables, samples
//! and the reference are made from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bridge_auth::{ActorHeader, HeaderPolicy, HeaderPolicyConfig, HeaderPolicyError, Secret};
use bridge_control::api::ProviderType;
use bridge_rpc::Address;
use bridge_telemetry::LogFormat;
use bridge_telemetry::trace::Ratio;
use http::HeaderName;
use slog::Level;

use super::live::Compared;
use super::network::{Networks, ProxyHabit};
use super::reader::{Description, Fallback, Field, SectionReader};
use super::setting::{
    AbortHabit, AliasNames, BaseUrl, Count, JournalMode, JournalSize, Lease, Limit, Percent, Size,
};

/// Makes the struct of a section, its description, and the function that reads it.
///
/// The doc comments go into the sample and the reference. `Default` gives what holds when nothing
/// is said; `Example` shows what a value looks like where nothing holds then.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident at $path:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $kind:ty, $fallback:ident $text:literal;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $section {
            $(
                $(#[doc = $doc])+
                pub(crate) $name: $kind,
            )+
        }

        impl $section {
            /// What can be set.
            pub(crate) const DESCRIPTION: Description = Description {
                path: $path,
                about: &[$($about),+],
                fields: &[$(
                    Field {
                        name: stringify!($name),
                        fallback: Fallback::$fallback($text),
                        doc: &[$($doc),+],
                    }
                ),+],
            };

            /// Reads all settings. Nothing when there is a problem with any, which is then kept.
            pub(crate) fn read(mut reader: SectionReader<'_>) -> Option<Self> {
                $(
                    let $name = reader.field(stringify!($name), Fallback::$fallback($text));
                )+
                reader.finish(Self::DESCRIPTION.fields);
                Some(Self { $($name: $name?),+ })
            }
        }

        impl Compared for $section {
            fn differences(&self, other: &Self) -> Vec<String> {
                let fields = Self::DESCRIPTION.fields.iter();
                let differs = [$(self.$name != other.$name),+];
                let changed = fields.zip(differs).filter(|(_, differs)| *differs);
                changed
                    .map(|(field, _)| format!("{}.{}", $path, field.key()))
                    .collect()
            }
        }
    };
}

mod tools;

pub(crate) use self::tools::ToolsSection;

/// All sections but the list of providers, in the order of the sample.
pub(crate) const SECTIONS: [Description; 21] = [
    Listen::DESCRIPTION,
    Data::DESCRIPTION,
    Admin::DESCRIPTION,
    Control::DESCRIPTION,
    Log::DESCRIPTION,
    Gateway::DESCRIPTION,
    LimitsSection::DESCRIPTION,
    Engine::DESCRIPTION,
    Upstream::DESCRIPTION,
    RetrySection::DESCRIPTION,
    BreakerSection::DESCRIPTION,
    ToolsSection::DESCRIPTION,
    Egress::DESCRIPTION,
    Headers::DESCRIPTION,
    Auth::DESCRIPTION,
    RecordSection::DESCRIPTION,
    JournalSection::DESCRIPTION,
    MetricsSection::DESCRIPTION,
    DumpSection::DESCRIPTION,
    TracesSection::DESCRIPTION,
    DrainSection::DESCRIPTION,
];

section! {
    /// Where connections are accepted.
    Listen at "listen" {
        /// Where coding agents connect.
        address: SocketAddr, Default "127.0.0.1:4180";
        /// Where the operator's API, health and metrics are served.
        /// Callers have no business there.
        operator_address: SocketAddr, Default "127.0.0.1:4181";
        /// Where a control plane serves gateways of other machines, which present a gateway key.
        /// When nothing is said, `bridged control` listens on 127.0.0.1:4182, and `bridged serve` for no other gateway.
        control_address: Option<SocketAddr>, Example "0.0.0.0:4182";
        /// A PEM file with the certificate for gateways, and those between it and its root.
        control_certificate_file: Option<PathBuf>, Example "/etc/bridged/control.pem";
        /// A PEM file with the private key of that certificate.
        control_private_key_file: Option<PathBuf>, Example "/etc/bridged/control.key";
        /// Whether gateways of other machines are served unencrypted. Say so only when something else encrypts.
        control_plain_text: bool, Default "false";
    }
}

section! {
    /// Where users, keys and records are kept.
    Data at "data" {
        /// The data folder, made at the first start.
        /// When nothing is said it is bridged below the user's data folder: $XDG_DATA_HOME or ~/.local/share.
        folder: Option<PathBuf>, Example "/var/lib/bridged";
        /// A file with the key under which a control plane encrypts tokens of users and secrets of tool servers. It is made when it is first needed.
        /// When nothing is said it is sealing.key in the data folder.
        sealing_key_file: Option<PathBuf>, Example "/var/lib/bridged-keys/sealing.key";
        /// The key itself, 64 hexadecimal digits: meant for the environment, accepted here with a warning.
        sealing_key: Option<Secret>, Example "from-the-environment";
    }
}

section! {
    /// Who may use the operator's API.
    Admin at "admin" {
        /// A file with the token. When nothing is said one is made in the data folder.
        token_file: Option<PathBuf>, Example "/run/secrets/bridged-admin-token";
        /// The token itself: meant for the environment, accepted here with a warning.
        token: Option<Secret>, Example "from-the-environment";
    }
}

section! {
    /// The way to a control plane that is another process. `bridged control` has no use for it.
    Control at "control" {
        /// Where it serves gateways: https, or http on this machine.
        /// When nothing is said, `bridged serve` has its control plane embedded.
        url: Option<Address>, Example "https://control.example:4182";
        /// A file with the gateway key, made with `bridged gateway-key create NAME` on the control plane.
        gateway_key_file: Option<PathBuf>, Example "/run/secrets/bridged-gateway-key";
        /// The gateway key itself: meant for the environment, accepted here with a warning.
        gateway_key: Option<Secret>, Example "from-the-environment";
        /// A PEM file with certificates to trust besides those of the platform.
        extra_roots: Option<PathBuf>, Example "/etc/ssl/company.pem";
        /// What this gateway calls itself in the control plane's log. When nothing is said, the name of the machine.
        gateway_name: Option<String>, Example "gateway-1";
        /// Whether an http address of another machine is accepted. Say so only when something else encrypts.
        plain_text: bool, Default "false";
        /// Whether the last set of providers is kept in the data folder, sealed with the gateway key, for a start while the control plane is away.
        provider_cache: bool, Default "true";
    }
}

section! {
    /// What is logged, to standard error.
    Log at "log" {
        /// The lowest level that is logged: trace, debug, info, warning, error or critical.
        level: Level, Default "info";
        /// How a line looks: text, json, or auto, which is text on a terminal and JSON elsewhere.
        format: LogFormat, Default "auto";
    }
}

section! {
    /// Limits towards callers.
    Gateway at "gateway" {
        /// How large a request body may be as it travels.
        body_bytes: Size, Default "32MiB";
        /// How long a request body may stop arriving.
        body_silence: Duration, Default "60s";
        /// How long the head of a request may take.
        head_timeout: Duration, Default "60s";
        /// How many connections may be open. Further ones wait.
        connections: Count, Default "10000";
        /// Whether callers may bring their own provider credentials.
        allow_own_keys: bool, Default "true";
        /// How many handlers are kept ready for callers.
        ready_handlers: Count, Default "5000";
        /// How long a handler is kept ready. Use does not extend it.
        handler_lifetime: Duration, Default "15m";
    }
}

section! {
    /// How many requests may run and how fast callers may come. Beyond that they are refused before anybody is asked who they are.
    /// A request runs from its head to the end of its answer; what is passed through counts as well, and a probe does not.
    LimitsSection at "limits" {
        /// How many requests may run at once, or off. Further ones get 503.
        concurrency: Limit, Default "off";
        /// How many requests of one caller may run at once, or off. Further ones get 429.
        /// A caller is whoever presents the same credential, else whoever has the same address.
        caller_concurrency: Limit, Default "off";
        /// How many requests one caller may make in a second, or off. Further ones get 429.
        /// It is counted over a sliding second, so a caller who was quiet may make all of them at once.
        caller_rate: Limit, Default "off";
        /// How many callers are kept apart. When there are more, one of those with no running request is forgotten.
        callers: Count, Default "100000";
    }
}

section! {
    /// Limits and habits of the interception itself.
    Engine at "engine" {
        /// How large a request body may be after its encoding is undone.
        decoded_body_bytes: Size, Default "32MiB";
        /// How long a provider's stream may be silent before a ping is sent to the caller, in formats that have one.
        ping_after: Duration, Default "10s";
        /// How much of a blocking answer, or of a compressed one when decoded, is read for the records.
        /// Larger ones are relayed unread, but for those to requests with central tools, which fail.
        answer_bytes: Size, Default "32MiB";
        /// How much of an incomplete event is held back. Larger ones are relayed as they come.
        held_bytes: Size, Default "1MiB";
        /// Whether providers are told who is asking, in the headers that the section headers names: with recorded requests that use the operator's keys.
        /// What is passed through does not tell it, nor do requests to Bedrock and Copilot or with callers' own keys.
        send_actor: bool, Default "false";
        /// What becomes of an answer whose caller goes away: cancel ends it at the provider at once and estimates the output;
        /// drain reads the rest for the provider's figures, which may cost more.
        on_abort: AbortHabit, Default "cancel";
        /// How long such a rest may take. Then it is ended as with cancel.
        abort_drain_time: Duration, Default "60s";
        /// How much of such a rest is read. Then it is ended as with cancel.
        abort_drain_bytes: Size, Default "16MiB";
        /// How many such rests are read at once. Further ones are ended as with cancel.
        abort_drains: Count, Default "64";
    }
}

section! {
    /// Connections to providers.
    Upstream at "upstream" {
        /// How long name look-up, TCP and TLS may take together.
        connect_timeout: Duration, Default "10s";
        /// How long the head of an answer may take. A blocking answer comes when the model has finished.
        head_timeout: Duration, Default "10m";
        /// How long an answer may be silent.
        silence: Duration, Default "5m";
        /// How long an exchange may take, from its beginning to the last byte of the answer; off sets no limit.
        total_timeout: Lease, Default "off";
        /// How many connections of HTTP/1.1 may wait for a next request, for each provider address.
        idle_connections: Count, Default "256";
        /// How long a connection may wait for a next request.
        idle_lifetime: Duration, Default "60s";
        /// How many requests share a connection of HTTP/2 at most. A provider may allow fewer.
        http2_streams: Count, Default "100";
        /// A PEM file with certificates to trust besides those of the platform.
        extra_roots: Option<PathBuf>, Example "/etc/ssl/company.pem";
        /// Whose word on proxies counts where a provider has none of its own: environment follows HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, direct does not.
        proxy: ProxyHabit, Default "environment";
    }
}

section! {
    /// When calls to providers are tried again, before a byte has gone to the caller.
    /// That is done when nothing has left, or when the provider itself refuses in a way that passes: 408, 409, 429 to a caller's own key, 5xx.
    /// Another key of the operator after 429 or 401 is no retry.
    RetrySection at "retry" {
        /// How often one call is tried again, or off. A provider's own max_retries goes before.
        max_retries: Limit, Default "2";
        /// How many retries for each hundred requests to a provider there may be.
        budget_percent: Percent, Default "10";
        /// How many retries may be saved up for each provider, so that few requests may be tried again too. They are there at the start.
        budget_reserve: Count, Default "10";
        /// How long a provider's Retry-After is waited for. A caller whom it asks for more patience is told so at once.
        longest_wait: Duration, Default "8s";
        /// Whether it is done as well for callers that say that they try again by themselves (X-Stainless-Retry-Count).
        for_retrying_callers: bool, Default "false";
    }
}

section! {
    /// Breakers: what keeps failing is left alone for a while, each route and model of a provider for itself, and callers' own keys apart from yours.
    /// What fails is the provider: 503, 504, with Anthropic 529, no connection, no answer in time, an answer that breaks off or says that it is overloaded.
    BreakerSection at "breaker" {
        /// Whether there are breakers.
        enabled: bool, Default "false";
        /// How many failures in a row open one.
        failures: Count, Default "5";
        /// How long failures are counted from the first of them, or off: for ever.
        interval: Lease, Default "10s";
        /// How long it stays open. Requests get 503 with Retry-After meanwhile.
        open_for: Duration, Default "30s";
        /// How many requests then try whether it is over. All of them must go well.
        probes: Count, Default "3";
    }
}

section! {
    /// Where requests may go.
    Egress at "egress" {
        /// Private networks into which the host names of providers may lead, besides those that a provider has for itself.
        /// An address or localhost in a base URL needs none, except those where clouds keep metadata, like 169.254.0.0/16.
        allowed_private: Networks, Example "10.0.0.0/8";
    }
}

section! {
    /// Names of the gateway's own headers.
    Headers at "headers" {
        /// Carries the user key when callers bring their own provider credential.
        token: HeaderName, Default "X-Coder-AI-Governance-Token";
        /// Carries a correlation id from a proxy in front of the gateway.
        correlation_id: HeaderName, Default "X-Coder-AI-Governance-Request-Id";
        /// How headers begin that tell a provider who is asking, when engine.send_actor is true. Callers cannot send any.
        actor_prefix: HeaderName, Default "X-AI-Bridge-Actor-";
        /// Which header tells the user's id: a name, prefixed for the prefix and ID, or off.
        actor_id: ActorHeader, Default "prefixed";
        /// Which header tells the login name: a name, prefixed for the prefix and Metadata-Username, or off.
        actor_username: ActorHeader, Default "prefixed";
        /// Which header tells the e-mail address: a name, prefixed for the prefix and Metadata-Email, or off.
        actor_email: ActorHeader, Default "off";
    }
}

impl Headers {
    /// The policy of these names.
    ///
    /// # Errors
    /// When a name is used twice, or belongs to a header that is needed for something else.
    pub(crate) fn policy(&self) -> Result<HeaderPolicy, HeaderPolicyError> {
        HeaderPolicy::try_new(&HeaderPolicyConfig {
            own_key_token: self.token.to_string(),
            correlation_id: self.correlation_id.to_string(),
            actor_prefix: self.actor_prefix.to_string(),
            actor_id: self.actor_id.clone(),
            actor_username: self.actor_username.clone(),
            actor_email: self.actor_email.clone(),
            ..HeaderPolicyConfig::default()
        })
    }
}

section! {
    /// Who may use the gateway.
    Auth at "auth" {
        /// How long an answer about a key is remembered, or off to ask for each request.
        /// A revocation removes it at once.
        cache: Lease, Default "30s";
        /// How many answers are remembered.
        cache_entries: Count, Default "100000";
        /// How long callers whom the control plane has confirmed within a day are let in while it is away, or off.
        /// It counts from the moment when the control plane went. Off together with the cache.
        grace: Lease, Default "10m";
        /// Whether known callers are remembered in the data folder, so that a gateway which is started while the control plane is away lets them in.
        /// Keyed hashes, ids, names and times are written, and no credential. Only with a control plane that is another process.
        grant_cache: bool, Default "true";
    }
}

section! {
    /// How records travel to where they are kept.
    RecordSection at "record" {
        /// How many bytes of records may wait in memory before new requests are refused.
        waiting_bytes: Size, Default "64MiB";
        /// How many records a batch may hold.
        batch_records: Count, Default "4096";
        /// How many bytes a batch may hold.
        batch_bytes: Size, Default "8MiB";
        /// How long the first record of a batch waits for others.
        linger: Duration, Default "20ms";
    }
}

section! {
    /// The journal: records on this machine's disk until the control plane has them.
    JournalSection at "journal" {
        /// What happens while records cannot be made safe: strict refuses new requests, relaxed serves them and counts what is not kept.
        /// With off there is no journal, and a process that is killed loses what was not delivered.
        mode: JournalMode, Default "strict";
        /// How many bytes the journal may hold, at least 1MiB. An eighth of them is kept for requests that run already.
        max_bytes: JournalSize, Default "1GiB";
        /// How large one file of the journal grows: at most a sixteenth of the whole. Space is given back file by file.
        segment_bytes: Size, Default "16MiB";
        /// How long after the beginning of a sync that several requests shared the next one may begin. What comes meanwhile shares it.
        group_interval: Duration, Default "1ms";
        /// How long a request waits for a disk that does not answer before the disk counts as failing.
        disk_patience: Duration, Default "10s";
    }
}

section! {
    /// What is counted, and for whom. Names that come from outside have figures of their own up to a limit; the rest are counted together, as `other`.
    MetricsSection at "metrics" {
        /// How many models have figures of their own: the first that their providers answer for.
        models: Count, Default "50";
        /// How many users have figures of their own, by id, or off. Each multiplies the number of series.
        users: Limit, Default "off";
        /// How many tools have figures of their own: as many of clients, and as many of tool servers.
        tools: Count, Default "50";
        /// How many combinations of provider, model, route, client and user have figures of their own.
        combinations: Count, Default "2000";
        /// Whether figures have the names of Coder's AI Gateway besides their own: off, current (coder_ai_gateway_), legacy (coder_aibridged_) or both.
        aliases: AliasNames, Default "off";
        /// Whether callers who send X-AI-Bridge-Server-Timing are told where the time until the head of the answer went, in Server-Timing.
        server_timing: bool, Default "false";
    }
}

section! {
    /// Dumps: each exchange with a provider as a pair of files, for whoever looks for a mistake. They hold prompts and answers.
    DumpSection at "dump" {
        /// The folder for them, made when it is not there. Without one nothing is dumped.
        /// Nobody but its owner may write into it.
        folder: Option<PathBuf>, Example "/var/lib/bridged/dumps";
        /// How much of a request or answer is written.
        file_bytes: Size, Default "4MiB";
        /// How much all files may have together. The oldest go first.
        folder_bytes: Size, Default "1GiB";
        /// How old a file may become.
        max_age: Duration, Default "24h";
        /// Headers whose values are masked besides those that hold credentials by their usual meaning.
        masked_headers: Vec<HeaderName>, Example "X-Company-Ticket";
    }
}

section! {
    /// Traces: the spans of each request, sent to a collector in the OpenTelemetry protocol over HTTP.
    /// The variables of OpenTelemetry (OTEL_EXPORTER_OTLP_ENDPOINT and others) hold where nothing is said here.
    TracesSection at "traces" {
        /// Where a collector takes spans, the whole address. Without one, and without a variable that names one, traces are off.
        endpoint: Option<BaseUrl>, Example "http://127.0.0.1:4318/v1/traces";
        /// A file with headers for the collector, one a line, as in `X-Team: value`.
        headers_file: Option<PathBuf>, Example "/run/secrets/bridged-trace-headers";
        /// How many of the traces that begin here are written down, from 0 to 1.
        ratio: Ratio, Default "1";
        /// Whether traces of callers are continued, so that their traceparent says whether they are written down. Otherwise every trace begins here.
        follow_callers: bool, Default "true";
        /// Whether providers are told the trace, in place of what the caller said of it.
        tell_providers: bool, Default "false";
        /// Whether what people asked is written down as well.
        content: bool, Default "false";
        /// How many finished spans may wait for the collector. More are dropped and counted.
        waiting_spans: Count, Default "2048";
        /// What this process is called. When nothing is said, bridged.
        service_name: Option<String>, Example "bridged-eu";
    }
}

section! {
    /// How the program stops.
    DrainSection at "drain" {
        /// How long running requests may take to finish after the first SIGTERM. A second one cuts them.
        patience: Duration, Default "5m";
    }
}

section! {
    /// A provider that the embedded control plane begins with. Write one `[[providers]]` for each.
    /// Without any there are anthropic and openai, with the keys in ANTHROPIC_API_KEY and OPENAI_API_KEY.
    RawProvider at "providers" {
        /// The first segment of the paths that lead to it: lower-case letters, digits and single hyphens.
        name: String, Example "anthropic";
        /// anthropic, openai, chatgpt, copilot, azure, google, openrouter, vercel or openai-compat.
        r#type: ProviderType, Example "anthropic";
        /// Where it is. Known for anthropic, openai, chatgpt and copilot; openai's ends with /v1.
        base_url: Option<BaseUrl>, Example "https://api.anthropic.com";
        /// Whether requests may go there.
        enabled: bool, Default "true";
        /// Variables that hold its keys, in the order of preference. Without any key callers bring their own.
        api_key_env: Vec<String>, Example "ANTHROPIC_API_KEY";
        /// Files that hold its keys, one a line.
        api_key_file: Vec<PathBuf>, Example "/run/secrets/anthropic-key";
        /// The keys themselves: accepted with a warning.
        api_keys: Vec<Secret>, Example "better-in-a-file";
    }
}
