//! Where spans go, from the settings and from the variables that OpenTelemetry has for it.
//!
//! A setting wins over such a variable, and one for traces over one for everything.

use bridge_auth::Secret;
use bridge_telemetry::ErrorChain;
use bridge_telemetry::trace::Resource;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::env::Environment;
use super::problem::Findings;
use super::secret_file;
use super::sections::TracesSection;
use super::setting::BaseUrl;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// What is added to an address for everything.
const TRACES_PATH: &str = "/v1/traces";
/// The only way of speaking to a collector that is spoken here.
const SPOKEN: &str = "http/protobuf";

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collector {
    /// The whole address.
    pub(crate) endpoint: BaseUrl,
    /// What is sent along. Values are marked as sensitive.
    pub(crate) headers: HeaderMap,
    /// What this process says of itself.
    pub(crate) resource: Resource,
}

impl Collector {
    /// Path and query of the address.
    pub(crate) fn target(&self) -> String {
        let uri = self.endpoint.as_str().parse::<Uri>().ok();
        let target = uri.as_ref().and_then(Uri::path_and_query);
        target.map_or_else(|| "/".to_owned(), ToString::to_string)
    }
}

/// Finds out where spans go; nothing within when they go nowhere, and nothing when there is a
/// problem.
pub(super) fn read(
    traces: &TracesSection,
    environment: &Environment,
    findings: &mut Findings,
) -> Option<Option<Collector>> {
    let said = Said(environment);
    let endpoint = match &traces.endpoint {
        Some(endpoint) => Some(endpoint.clone()),
        None => said.endpoint(findings)?,
    };
    let Some(endpoint) = endpoint.filter(|_| !said.is_disabled()) else {
        return Some(None);
    };
    said.check_protocol(findings);
    if traces.content {
        let text = "sends prompts to the trace collector: whoever can read traces can read them";
        findings.warn("traces.content", text);
    }
    let headers = match &traces.headers_file {
        Some(path) => {
            let read = secret_file::read(path).map_err(|problem| ErrorChain(&problem).to_string());
            let headers = read.and_then(|text| lines(&text));
            let named = |problem| findings.problem("traces.headers_file", problem);
            headers.map_err(named).ok()?
        }
        None => said.headers(findings)?,
    };
    Some(Some(Collector {
        endpoint,
        headers,
        resource: said.resource(traces),
    }))
}

/// What the variables of OpenTelemetry say.
struct Said<'e>(&'e Environment);

impl Said<'_> {
    /// The first of these that is set.
    fn first(&self, names: [&'static str; 2]) -> Option<(&'static str, String)> {
        let mut found = names.into_iter().filter_map(|name| {
            let text = self.0.text(name).ok().flatten()?;
            Some((name, text.trim().to_owned()))
        });
        found.next()
    }

    fn is_disabled(&self) -> bool {
        let disabled = self.0.text(DISABLED).ok().flatten();
        disabled.is_some_and(|answer| answer.eq_ignore_ascii_case("true"))
    }

    fn endpoint(&self, findings: &mut Findings) -> Option<Option<BaseUrl>> {
        let Some((name, text)) = self.first([TRACES_ENDPOINT, ENDPOINT]) else {
            return Some(None);
        };
        let whole = if name == ENDPOINT {
            format!("{}{TRACES_PATH}", text.trim_end_matches('/'))
        } else {
            text
        };
        let read = BaseUrl::parse(&whole);
        read.map_err(|problem| findings.problem(name, problem))
            .ok()
            .map(Some)
    }

    fn check_protocol(&self, findings: &mut Findings) {
        if let Some((name, protocol)) = self.first([TRACES_PROTOCOL, PROTOCOL])
            && protocol != SPOKEN
        {
            let text = format!(
                "{protocol:?} is not spoken: spans are sent as {SPOKEN}, for which collectors \
                 mostly listen on port 4318"
            );
            findings.warn(name, text);
        }
    }

    fn headers(&self, findings: &mut Findings) -> Option<HeaderMap> {
        let Some((name, text)) = self.first([TRACES_HEADERS, HEADERS]) else {
            return Some(HeaderMap::new());
        };
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let headers: Result<HeaderMap, String> = pairs
            .map(|pair| header(pair.split_once('='), decoded))
            .collect();
        headers
            .map_err(|problem| findings.problem(name, problem))
            .ok()
    }

    /// What is said of this process: its name and version, and what the operator adds.
    fn resource(&self, traces: &TracesSection) -> Resource {
        let added = self.0.text(RESOURCE).ok().flatten().unwrap_or_default();
        let mut pairs: Vec<(String, String)> = added
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), decoded(value.trim())))
            .filter(|(name, _)| name != "service.version")
            .collect();
        let named = traces.service_name.clone();
        let of_variable = || self.0.text(SERVICE_NAME).ok().flatten().map(str::to_owned);
        if let Some(name) = named.or_else(of_variable) {
            pairs.retain(|(known, _)| known != "service.name");
            pairs.push(("service.name".to_owned(), name));
        } else if !pairs.iter().any(|(name, _)| name == "service.name") {
            pairs.push(("service.name".to_owned(), "bridged".to_owned()));
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        pairs.push(("service.version".to_owned(), version));
        Resource(pairs)
    }
}

/// Headers, one a line, as `Name: value`.
fn lines(text: &str) -> Result<HeaderMap, String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| header(line.split_once(':'), str::to_owned))
        .collect()
}

/// Says nothing of the value, whatever it is.
fn header(
    pair: Option<(&str, &str)>,
    read: impl Fn(&str) -> String,
) -> Result<(HeaderName, HeaderValue), String> {
    let Some((name, value)) = pair else {
        return Err("has a header without a value".to_owned());
    };
    let name = name.trim();
    let parsed: HeaderName = name.parse().map_err(|_| no_name(name))?;
    let value = Secret::new(read(value.trim()));
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| format!("the value of {name} has characters that cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// What was taken for a name may be a value whose separator is another one, so only what can be a
/// name is said of it.
fn no_name(text: &str) -> String {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let begins = text.split(is_other).next().unwrap_or_default();
    format!("has a header that begins with {begins:?} and whose name is no header name")
}

/// Undoes percent-encoding. What is none is left as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *byte == b'%');
        let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(pairs: &[(&str, &str)]) -> Result<(Option<Collector>, String), String> {
        let usual = [("BRIDGED_DATA_FOLDER", "/d")];
        let environment = Environment::from_pairs(usual.iter().chain(pairs).copied());
        let loaded = Config::load(None, &environment).map_err(|error| error.to_string())?;
        let warnings = loaded.warnings.iter().map(ToString::to_string);
        Ok((loaded.config.collector, warnings.collect()))
    }

    fn collector(pairs: &[(&str, &str)]) -> Collector {
        load(pairs).unwrap().0.unwrap()
    }

    #[test]
    fn an_address_for_everything_gets_the_path_and_one_for_traces_is_whole() {
        assert_eq!(load(&[]).unwrap().0, None);
        let whole = |pairs| collector(pairs).endpoint.as_str().to_owned();
        assert_eq!(
            whole(&[(ENDPOINT, "http://c:4318/")]),
            "http://c:4318/v1/traces"
        );
        assert_eq!(
            whole(&[
                (ENDPOINT, "http://c:4318"),
                (TRACES_ENDPOINT, "http://t/in")
            ]),
            "http://t/in"
        );
        assert_eq!(
            whole(&[
                ("BRIDGED_TRACES_ENDPOINT", "http://b/x"),
                (ENDPOINT, "http://c")
            ]),
            "http://b/x"
        );
        assert_eq!(
            load(&[(ENDPOINT, "http://c"), (DISABLED, "true")])
                .unwrap()
                .0,
            None
        );
        let told = load(&[(ENDPOINT, "c:4317")]).unwrap_err();
        assert!(told.contains(ENDPOINT), "{told}");
        let (_, warnings) = load(&[(ENDPOINT, "http://c"), (PROTOCOL, "grpc")]).unwrap();
        assert!(warnings.contains("4318"), "{warnings}");
    }

    #[test]
    fn headers_come_from_a_variable_or_a_file_and_are_not_shown() {
        let found = collector(&[
            (ENDPOINT, "http://c"),
            (HEADERS, "x-team=hidden%20word, b=2"),
        ]);
        assert_eq!(found.headers["x-team"], "hidden word");
        assert_eq!(found.headers["b"], "2");
        assert!(!format!("{found:?}").contains("hidden"));
        let told = load(&[(ENDPOINT, "http://c"), (HEADERS, "x team=hidden")]).unwrap_err();
        assert!(told.contains("\"x\"") && !told.contains("hidden"), "{told}");
        let told = load(&[(ENDPOINT, "http://c"), (HEADERS, "X-Team: hidden==")]).unwrap_err();
        assert!(
            told.contains("X-Team") && !told.contains("hidden"),
            "{told}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        std::fs::write(&path, "# of the vendor\nX-Team: hidden: word\n").unwrap();
        let path = path.to_str().unwrap();
        let found = collector(&[
            (ENDPOINT, "http://c"),
            ("BRIDGED_TRACES_HEADERS_FILE", path),
        ]);
        assert_eq!(found.headers["x-team"], "hidden: word");
    }

    #[test]
    fn a_process_says_who_it_is() {
        let said = |pairs: &[(&str, &str)]| {
            let all: Vec<_> = pairs
                .iter()
                .copied()
                .chain([(ENDPOINT, "http://c")])
                .collect();
            let pairs = collector(&all).resource.0;
            let named = pairs
                .into_iter()
                .filter(|(name, _)| name != "service.version");
            let mut named: Vec<_> = named
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            named.sort();
            named.join(" ")
        };
        assert_eq!(said(&[]), "service.name=bridged");
        assert_eq!(
            said(&[(RESOURCE, "a=1,service.name=r")]),
            "a=1 service.name=r"
        );
        assert_eq!(
            said(&[(RESOURCE, "service.name=r"), (SERVICE_NAME, "s")]),
            "service.name=s"
        );
        assert_eq!(
            said(&[(SERVICE_NAME, "s"), ("BRIDGED_TRACES_SERVICE_NAME", "t")]),
            "service.name=t"
        );
    }
}
