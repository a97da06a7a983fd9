//! How messages that hold credentials are shown: without these, wherever somebody prints one.

use std::fmt;

use crate::v1::{
    Bedrock, FixedToken, IsAuthorizedRequest, Manners, Provider, ToolServerHeader, UserToken,
};

impl fmt::Debug for IsAuthorizedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsAuthorizedRequest")
            .field("key_id", &self.key_id)
            .field("provider_name", &self.provider_name)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("type", &self.r#type)
            .field("enabled", &self.enabled)
            .field("base_url", &self.base_url)
            .field("keys", &self.keys.len())
            .field("settings", &self.settings)
            .finish()
    }
}

impl fmt::Debug for Manners {
    /// A proxy's URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manners")
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("first_byte_timeout_ms", &self.first_byte_timeout_ms)
            .field("idle_timeout_ms", &self.idle_timeout_ms)
            .field("total_timeout_ms", &self.total_timeout_ms)
            .field("max_retries", &self.max_retries)
            .field("has_proxy", &self.proxy_url.is_some())
            .field("http_version", &self.http_version)
            .field("allowed_private", &self.allowed_private)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Bedrock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bedrock")
            .field("region", &self.region)
            .field("protocol", &self.protocol)
            .field("model", &self.model)
            .field("small_fast_model", &self.small_fast_model)
            .field("has_static_credentials", &self.access_key_id.is_some())
            .field("role_arn", &self.role_arn)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ToolServerHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolServerHeader")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FixedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedToken").finish_non_exhaustive()
    }
}

impl fmt::Debug for UserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserToken")
            .field("revision", &self.revision)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::v1::tool_credential::Kind;
    use crate::v1::{
        GetToolServersResponse, ProviderSet, ProviderSettings, ToolCredential, ToolServer,
        WatchProvidersResponse,
    };

    use super::*;

    #[test]
    fn no_credential_is_shown() {
        let hidden = || Some("hidden".to_owned());
        let settings = ProviderSettings {
            manners: Some(Manners {
                proxy_url: hidden(),
                ..Manners::default()
            }),
            bedrock: Some(Bedrock {
                region: "eu-central-1".to_owned(),
                access_key_id: hidden(),
                secret_access_key: hidden(),
                session_token: hidden(),
                ..Bedrock::default()
            }),
        };
        let provider = Provider {
            name: "main".to_owned(),
            keys: vec!["hidden".to_owned()],
            settings: Some(settings),
            ..Provider::default()
        };
        let set = ProviderSet {
            generation: 7,
            providers: vec![provider],
        };
        let response = WatchProvidersResponse {
            providers: Some(set),
        };
        let request = IsAuthorizedRequest {
            key: "hidden".to_owned(),
            ..IsAuthorizedRequest::default()
        };
        let shown = format!("{response:?} {request:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        for part in ["\"main\"", "keys: 1", "eu-central-1", "has_proxy: true"] {
            assert!(shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn no_token_of_a_tool_server_is_shown() {
        let token = "hidden".to_owned();
        let server = |kind| ToolServer {
            name: "wiki".to_owned(),
            headers: vec![ToolServerHeader {
                name: "x-tenant".to_owned(),
                value: "hidden".to_owned(),
            }],
            credential: Some(ToolCredential { kind: Some(kind) }),
            ..ToolServer::default()
        };
        let user = UserToken {
            token: token.clone(),
            revision: 7,
            expires_at: None,
        };
        let response = GetToolServersResponse {
            generation: 1,
            servers: vec![
                server(Kind::Token(FixedToken { token })),
                server(Kind::User(user)),
            ],
        };
        let shown = format!("{response:?}");
        assert!(!shown.contains("hidden"), "{shown}");
        for part in ["\"wiki\"", "x-tenant", "revision: 7"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
