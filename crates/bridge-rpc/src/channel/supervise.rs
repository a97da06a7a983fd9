//! The loop that keeps a connection open: dial, greet, wait for its end, again.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bridge_proto::v1::ConnectRequest;
use bridge_proto::{CONTRACT_NEEDED, may_go_on};
use bridge_record::Backoff;
use bridge_telemetry::{ErrorChain, keys};
use slog::{Logger, debug, error, info, warn};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::dial::Dialling;
use super::wire::{Live, Wire};
use super::{ConnectionState, Link};
use crate::ChannelConfig;
use crate::status::{FatalKind, fatal_at_connect, words};

/// A connection that lasted this long was good: the next delay is the shortest again. One that is
/// accepted and cut at once, again and again, is dialled ever more slowly.
const GOOD_AFTER: Duration = Duration::from_secs(1);

/// Owns the attempts of one channel.
pub(super) struct Supervisor {
    dialling: Dialling,
    config: ChannelConfig,
    link: watch::Sender<Link>,
    logger: Logger,
    backoff: Backoff,
}

/// Why an attempt gave no connection.
enum Failure {
    Passing(Box<dyn Error + Send + Sync>),
    Fatal(FatalKind, String),
}

#[derive(Debug, thiserror::Error)]
#[error("not connected within {0:?}")]
struct TooSlow(Duration);

impl Supervisor {
    pub(super) fn new(
        dialling: Dialling,
        config: ChannelConfig,
        link: watch::Sender<Link>,
        logger: Logger,
    ) -> Self {
        Self {
            dialling,
            config,
            link,
            logger,
            backoff: Backoff::default(),
        }
    }

    /// Runs until it is dropped or refused for good.
    pub(super) async fn run(mut self) {
        let mut number = 0;
        let mut lost = Instant::now();
        loop {
            let opened = match self.establish(lost).await {
                Ok(opened) => opened,
                Err((kind, reason)) => return self.give_up(kind, reason),
            };
            number += 1;
            let since = Instant::now();
            self.link.send_replace(Link {
                state: ConnectionState::Connected { since },
                live: Some(Live {
                    number,
                    wire: opened.wire,
                    ended: Arc::clone(&opened.ended),
                }),
            });
            opened.ended.notified().await;
            lost = Instant::now();
            self.publish_connecting(lost, 0);
            if since.elapsed() >= GOOD_AFTER {
                self.backoff.reset();
            }
            let delay = self.backoff.delay();
            info!(self.logger, "control plane connection ended";
                keys::RETRY_IN_MS => millis(delay));
            sleep(delay).await;
        }
    }

    /// Tries until there is a connection, or until the control plane refuses for good.
    async fn establish(&mut self, since: Instant) -> Result<Opened, (FatalKind, String)> {
        let mut attempts = 0;
        loop {
            let cause = match self.attempt().await {
                Ok(opened) => return Ok(opened),
                Err(Failure::Fatal(kind, reason)) => return Err((kind, reason)),
                Err(Failure::Passing(cause)) => cause,
            };
            attempts += 1;
            self.publish_connecting(since, attempts);
            let delay = self.backoff.delay();
            if attempts == 1 {
                warn!(self.logger, "control plane cannot be reached, trying again";
                    keys::ERROR => ErrorChain(cause.as_ref()), keys::RETRY_IN_MS => millis(delay));
            } else {
                debug!(self.logger, "control plane cannot be reached, trying again";
                    keys::ERROR => ErrorChain(cause.as_ref()), keys::RETRY_IN_MS => millis(delay));
            }
            sleep(delay).await;
        }
    }

    async fn attempt(&self) -> Result<Opened, Failure> {
        let after = self.config.connect_timeout;
        timeout(after, self.open())
            .await
            .unwrap_or_else(|_| Err(Failure::Passing(Box::new(TooSlow(after)))))
    }

    async fn open(&self) -> Result<Opened, Failure> {
        let ended = Arc::new(Notify::new());
        let wire = self
            .dialling
            .open(&ended)
            .await
            .map_err(|cause| Failure::Passing(Box::new(cause)))?;
        self.greet(wire.clone()).await?;
        Ok(Opened { wire, ended })
    }

    /// The first call on every connection.
    async fn greet(&self, wire: Wire) -> Result<(), Failure> {
        let request = ConnectRequest {
            contract_version: CONTRACT_NEEDED.to_owned(),
            build_version: self.config.build_version.clone(),
            gateway_name: self.config.gateway_name.clone(),
        };
        let theirs = match wire.session().connect(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                return Err(match fatal_at_connect(&status) {
                    Some(kind) => Failure::Fatal(kind, words(&status)),
                    None => Failure::Passing(Box::new(status)),
                });
            }
        };
        if !may_go_on(CONTRACT_NEEDED, &theirs.contract_version) {
            let reason = format!(
                "it speaks version {:?} of the contract, this gateway {CONTRACT_NEEDED:?}",
                theirs.contract_version
            );
            return Err(Failure::Fatal(FatalKind::Version, reason));
        }
        info!(self.logger, "control plane connected";
            "contract_version" => theirs.contract_version, "build_version" => theirs.build_version);
        Ok(())
    }

    fn publish_connecting(&self, since: Instant, attempts: u32) {
        self.link.send_replace(Link {
            state: ConnectionState::Connecting { since, attempts },
            live: None,
        });
    }

    fn give_up(&self, kind: FatalKind, reason: String) {
        error!(self.logger, "control plane refuses this gateway"; "reason" => &reason);
        self.link.send_replace(Link {
            state: ConnectionState::Fatal { kind, reason },
            live: None,
        });
    }
}

/// A connection that was greeted, and the notice of its end.
struct Opened {
    wire: Wire,
    ended: Arc<Notify>,
}

fn millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}
