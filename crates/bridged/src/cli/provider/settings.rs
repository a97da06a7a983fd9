//! A provider's settings as the command line says them: of Amazon Bedrock, and of how it is
//! connected to.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use bridge_control::api::{BedrockChange, SecretText, UpstreamChange};

use super::super::CommandError;
use super::clear::Clear;
use super::keys::{KeyArgs, one};
use crate::config::env::Environment;
use crate::config::quantity;

/// A certificate file that is larger is something else.
const CERTIFICATES: u64 = 1 << 20;

/// Settings that may be given when a provider is made and when it is changed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SettingArgs {
    #[command(flatten)]
    bedrock: BedrockArgs,
    #[command(flatten)]
    upstream: UpstreamArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Amazon Bedrock")]
struct BedrockArgs {
    /// The AWS region, like eu-central-1
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// invoke, which is the default, or mantle
    #[arg(long)]
    protocol: Option<String>,
    /// The model or inference profile that requests go to
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// The same for callers that ask for a small and fast model
    #[arg(long, value_name = "ID")]
    small_fast_model: Option<String>,
    /// The id of an access key; without one the gateway's own credentials are used
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// A variable that holds the id of an access key
    #[arg(long, value_name = "VARIABLE", conflicts_with = "access_key_id")]
    access_key_id_env: Option<String>,
    /// A variable that holds the access key's secret
    #[arg(long, value_name = "VARIABLE")]
    secret_access_key_env: Option<String>,
    /// A file that holds the access key's secret
    #[arg(long, value_name = "PATH")]
    secret_access_key_file: Option<PathBuf>,
    /// Read the access key's secret from standard input
    #[arg(long, conflicts_with = "key_stdin")]
    secret_access_key_stdin: bool,
    /// A variable that holds the session token of temporary credentials
    #[arg(long, value_name = "VARIABLE")]
    session_token_env: Option<String>,
    /// A file that holds the session token of temporary credentials
    #[arg(long, value_name = "PATH")]
    session_token_file: Option<PathBuf>,
    /// A role to assume; `provider show` says the external id for its trust policy
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// A profile of the gateway's own AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// How a provider or a tool server is connected to.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct UpstreamArgs {
    /// How long a connection may take, like 5s
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    connect_timeout: Option<u64>,
    /// How long the head of an answer may take
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    first_byte_timeout: Option<u64>,
    /// How long an answer may be silent
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    idle_timeout: Option<u64>,
    /// How long an exchange may take as a whole; 0 is no limit
    #[arg(long, value_name = "TIME", value_parser = milliseconds_or_none)]
    total_timeout: Option<u64>,
    /// How often a request is sent again after an attempt that failed; 0 is never
    #[arg(long, value_name = "COUNT")]
    max_retries: Option<u32>,
    /// An http or https proxy without a password; `none` for no proxy, whatever the environment says
    #[arg(long, value_name = "URL", conflicts_with_all = ["proxy_env", "proxy_file"])]
    proxy: Option<String>,
    /// A variable that holds the proxy's URL, with its password
    #[arg(long, value_name = "VARIABLE")]
    proxy_env: Option<String>,
    /// A file that holds the proxy's URL, with its password
    #[arg(long, value_name = "PATH", conflicts_with = "proxy_env")]
    proxy_file: Option<PathBuf>,
    /// Certificates in PEM form that are trusted besides the gateway's own
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// auto, 1.1 or 2
    #[arg(long, value_name = "VERSION")]
    http_version: Option<String>,
    /// A private address range to which the host's name may resolve; may be repeated
    #[arg(long, value_name = "CIDR")]
    allow_private: Vec<String>,
}

/// What is to change of the settings of Bedrock and of connections, if anything is.
pub(super) type Changes = (Option<BedrockChange>, Option<UpstreamChange>);

impl SettingArgs {
    pub(super) fn read(
        &self,
        clear: &[Clear],
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<Changes, CommandError> {
        let mut bedrock = self.bedrock.read(environment, input)?;
        let mut upstream = self.upstream.read(environment, input)?;
        for field in clear {
            field.apply(&mut bedrock, &mut upstream)?;
        }
        Ok((
            (bedrock != BedrockChange::default()).then_some(bedrock),
            (upstream != UpstreamChange::default()).then_some(upstream),
        ))
    }
}

impl BedrockArgs {
    fn read(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<BedrockChange, CommandError> {
        let id = self.access_key_id.clone().map(SecretText::new);
        let id_env = KeyArgs::of(self.access_key_id_env.as_ref(), None, false);
        let secret = KeyArgs::of(
            self.secret_access_key_env.as_ref(),
            self.secret_access_key_file.as_ref(),
            self.secret_access_key_stdin,
        );
        let session = KeyArgs::of(
            self.session_token_env.as_ref(),
            self.session_token_file.as_ref(),
            false,
        );
        let mut read = |what: &str, args: &KeyArgs| one(what, args, environment, input);
        let id = id.or(read("access key id", &id_env)?);
        let secret = read("secret access key", &secret)?;
        if id.is_some() != secret.is_some() {
            let text = "an access key has two parts: give --access-key-id, and one of \
                        --secret-access-key-env, --secret-access-key-file and \
                        --secret-access-key-stdin";
            return Err(CommandError::Usage(text.to_owned()));
        }
        Ok(BedrockChange {
            region: self.region.clone(),
            protocol: self.protocol.clone().map(Some),
            model: self.model.clone().map(Some),
            small_fast_model: self.small_fast_model.clone().map(Some),
            access_key_id: id.map(Some),
            secret_access_key: secret.map(Some),
            session_token: read("session token", &session)?.map(Some),
            role_arn: self.role_arn.clone().map(Some),
            profile: self.profile.clone().map(Some),
            ..BedrockChange::default()
        })
    }
}

impl UpstreamArgs {
    /// What is said; nothing given is nothing changed.
    pub(crate) fn read(
        &self,
        environment: &Environment,
        input: &mut dyn Read,
    ) -> Result<UpstreamChange, CommandError> {
        let place = KeyArgs::of(self.proxy_env.as_ref(), self.proxy_file.as_ref(), false);
        let proxy = match one("proxy URL", &place, environment, input)? {
            Some(proxy) => Some(proxy),
            None => self.proxy.as_deref().map(plain_proxy).transpose()?,
        };
        let ranges = &self.allow_private;
        Ok(UpstreamChange {
            connect_timeout_ms: self.connect_timeout.map(Some),
            first_byte_timeout_ms: self.first_byte_timeout.map(Some),
            idle_timeout_ms: self.idle_timeout.map(Some),
            total_timeout_ms: self.total_timeout.map(Some),
            max_retries: self.max_retries.map(Some),
            proxy_url: proxy.map(Some),
            ca_pem: self
                .ca_file
                .as_ref()
                .map(certificates)
                .transpose()?
                .map(Some),
            http_version: self.http_version.clone().map(Some),
            allowed_private: (!ranges.is_empty()).then(|| Some(ranges.clone())),
        })
    }
}

/// A password as an argument would stand in the shell's history and in the list of processes.
fn plain_proxy(text: &str) -> Result<SecretText, CommandError> {
    if text == "none" {
        return Ok(SecretText::new(String::new()));
    }
    if text.contains('@') {
        let text = "a proxy's user name and password are no argument: give the URL with \
                    --proxy-env or --proxy-file";
        return Err(CommandError::Usage(text.to_owned()));
    }
    Ok(SecretText::new(text.to_owned()))
}

fn certificates(path: &PathBuf) -> Result<String, CommandError> {
    let shown = path.display();
    let failed = |cause| CommandError::Usage(format!("cannot read {shown}: {cause}"));
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > CERTIFICATES {
        let text = format!("{shown} is no file with certificates: it is too large");
        return Err(CommandError::Usage(text));
    }
    fs::read_to_string(path).map_err(failed)
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let span = quantity::duration(text);
    let span = span.and_then(|span| u64::try_from(span.as_millis()).ok());
    span.ok_or_else(|| "give a time above zero like 500ms, 30s or 5m".to_owned())
}

fn milliseconds_or_none(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    milliseconds(text)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn read(line: &str, clear: &[Clear]) -> Result<Changes, String> {
        let command = SettingArgs::augment_args(clap::Command::new("test"))
            .arg(clap::Arg::new("key_stdin").long("key-stdin"));
        let matches = command.try_get_matches_from(line.split(' '));
        let matches = matches.map_err(|cause| cause.to_string())?;
        let args = SettingArgs::from_arg_matches(&matches).unwrap();
        let environment = Environment::from_pairs([
            ("KEY", "signing"),
            ("TWO", "a\nb"),
            ("PROXY", "http://ada:word@proxy"),
        ]);
        let read = args.read(clear, &environment, &mut b"from-input\n".as_slice());
        read.map_err(|cause| cause.to_string())
    }

    #[test]
    fn nothing_said_is_nothing_changed() {
        assert_eq!(read("test", &[]), Ok((None, None)));
    }

    #[test]
    fn secrets_come_from_everywhere_but_arguments() {
        let secret = |text: &str| Some(Some(SecretText::new(text.to_owned())));
        let line = "test --region eu-central-1 --access-key-id AK --secret-access-key-stdin \
                    --session-token-env KEY --proxy-env PROXY";
        let (bedrock, upstream) = read(line, &[]).unwrap();
        let bedrock = bedrock.unwrap();
        assert_eq!(bedrock.access_key_id, secret("AK"));
        assert_eq!(bedrock.secret_access_key, secret("from-input"));
        assert_eq!(bedrock.session_token, secret("signing"));
        let upstream = upstream.unwrap();
        assert_eq!(upstream.proxy_url, secret("http://ada:word@proxy"));
        let check = |line: &str, part: &str| {
            let told = read(line, &[]).unwrap_err();
            assert!(told.contains(part), "{told}");
        };
        check("test --access-key-id AK", "two parts");
        check("test --secret-access-key-env KEY", "two parts");
        check("test --proxy http://ada:word@proxy", "no argument");
        check("test --connect-timeout 5", "like 500ms");
        check("test --ca-file /nowhere/at/all", "cannot read");
    }

    #[test]
    fn times_are_milliseconds_and_zero_is_no_limit_for_the_whole() {
        let line = "test --idle-timeout 1m30s --total-timeout 0 --proxy none --max-retries 0";
        let (bedrock, upstream) = read(line, &[]).unwrap();
        let upstream = upstream.unwrap();
        assert_eq!(bedrock, None);
        assert_eq!(upstream.idle_timeout_ms, Some(Some(90_000)));
        assert_eq!(upstream.total_timeout_ms, Some(Some(0)));
        assert_eq!(upstream.max_retries, Some(Some(0)));
        assert_eq!(
            upstream.proxy_url,
            Some(Some(SecretText::new(String::new())))
        );
    }

    #[test]
    fn what_is_cleared_is_null_and_not_given_as_well() {
        let fields = [Clear::Credentials, Clear::IdleTimeout];
        let (bedrock, upstream) = read("test --model large", &fields).unwrap();
        let bedrock = bedrock.unwrap();
        assert_eq!(bedrock.model, Some(Some("large".to_owned())));
        assert_eq!(bedrock.access_key_id, Some(None));
        assert_eq!(bedrock.secret_access_key, Some(None));
        assert_eq!(upstream.unwrap().idle_timeout_ms, Some(None));
        let told = read("test --model large", &[Clear::Model]).unwrap_err();
        assert!(told.contains("--clear model"), "{told}");
    }
}
