//! What calls travel over.

use std::sync::Arc;

use bridge_auth::Secret;
use bridge_proto::v1::authorizer_service_client::AuthorizerServiceClient;
use bridge_proto::v1::provider_configurator_service_client::ProviderConfiguratorServiceClient;
use bridge_proto::v1::recorder_service_client::RecorderServiceClient;
use bridge_proto::v1::session_service_client::SessionServiceClient;
use bridge_proto::v1::tool_configurator_service_client::ToolConfiguratorServiceClient;
use tokio::sync::Notify;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use super::ChannelError;
use crate::MESSAGE_LIMIT;

/// An open connection on which calls may be made; each carries the gateway's key.
#[derive(Debug, Clone)]
pub(crate) struct Wire(InterceptedService<tonic::transport::Channel, GatewayKey>);

/// A connection and its number; numbers grow.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) number: u64,
    pub(crate) wire: Wire,
    pub(super) ended: Arc<Notify>,
}

impl Live {
    /// Has another connection made in place of this one.
    pub(crate) fn give_up(&self) {
        self.ended.notify_one();
    }
}

type Carrier = InterceptedService<tonic::transport::Channel, GatewayKey>;

impl Wire {
    pub(super) fn new(channel: tonic::transport::Channel, key: GatewayKey) -> Self {
        Self(InterceptedService::new(channel, key))
    }

    pub(crate) fn session(self) -> SessionServiceClient<Carrier> {
        SessionServiceClient::new(self.0)
    }

    pub(crate) fn authorizer(self) -> AuthorizerServiceClient<Carrier> {
        AuthorizerServiceClient::new(self.0).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(crate) fn recorder(self) -> RecorderServiceClient<Carrier> {
        RecorderServiceClient::new(self.0)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    pub(crate) fn configurator(self) -> ProviderConfiguratorServiceClient<Carrier> {
        ProviderConfiguratorServiceClient::new(self.0).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(crate) fn tools(self) -> ToolConfiguratorServiceClient<Carrier> {
        ToolConfiguratorServiceClient::new(self.0).max_decoding_message_size(MESSAGE_LIMIT)
    }
}

/// Puts the gateway's key on every call, when there is one.
#[derive(Debug, Clone)]
pub(crate) struct GatewayKey(Option<MetadataValue<Ascii>>);

impl GatewayKey {
    pub(super) fn try_new(key: Option<&Secret>) -> Result<Self, ChannelError> {
        let Some(key) = key else {
            return Ok(Self(None));
        };
        let mut value = MetadataValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| ChannelError::GatewayKey)?;
        // A sensitive value is withheld by Debug and kept out of the compression tables of HTTP/2.
        value.set_sensitive(true);
        Ok(Self(Some(value)))
    }
}

impl Interceptor for GatewayKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}
