//! Settings that are taken away again, one by one.

use bridge_control::api::{BedrockChange, UpstreamChange};
use clap::ValueEnum;

use super::super::CommandError;

/// A setting that is to be as if it had never been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Clear {
    Protocol,
    Model,
    SmallFastModel,
    /// The access key and its session token
    Credentials,
    SessionToken,
    RoleArn,
    Profile,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    TotalTimeout,
    MaxRetries,
    Proxy,
    Ca,
    HttpVersion,
    AllowPrivate,
}

impl Clear {
    pub(super) fn apply(
        self,
        bedrock: &mut BedrockChange,
        upstream: &mut UpstreamChange,
    ) -> Result<(), CommandError> {
        match self {
            Self::Protocol => self.null(&mut bedrock.protocol),
            Self::Model => self.null(&mut bedrock.model),
            Self::SmallFastModel => self.null(&mut bedrock.small_fast_model),
            Self::Credentials => {
                self.null(&mut bedrock.secret_access_key)?;
                self.null(&mut bedrock.access_key_id)
            }
            Self::SessionToken => self.null(&mut bedrock.session_token),
            Self::RoleArn => self.null(&mut bedrock.role_arn),
            Self::Profile => self.null(&mut bedrock.profile),
            Self::ConnectTimeout => self.null(&mut upstream.connect_timeout_ms),
            Self::FirstByteTimeout => self.null(&mut upstream.first_byte_timeout_ms),
            Self::IdleTimeout => self.null(&mut upstream.idle_timeout_ms),
            Self::TotalTimeout => self.null(&mut upstream.total_timeout_ms),
            Self::MaxRetries => self.null(&mut upstream.max_retries),
            Self::Proxy => self.null(&mut upstream.proxy_url),
            Self::Ca => self.null(&mut upstream.ca_pem),
            Self::HttpVersion => self.null(&mut upstream.http_version),
            Self::AllowPrivate => self.null(&mut upstream.allowed_private),
        }
    }

    fn null<T>(self, field: &mut Option<Option<T>>) -> Result<(), CommandError> {
        if field.is_some() {
            let name = self.to_possible_value();
            let name = name.as_ref().map_or("", |name| name.get_name());
            let text = format!("--clear {name} and a value for it do not go together");
            return Err(CommandError::Usage(text));
        }
        *field = Some(None);
        Ok(())
    }
}
