//! What the system asks of a running server.

use std::io;

use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The first SIGTERM or SIGINT: take nothing new, let running requests finish.
    Drain,
    /// A further one: cut what still runs.
    Cut,
    /// SIGHUP: look at the settings again.
    Reload,
}

/// Listens for signals. From its making on they do not end the process by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    is_draining: bool,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            is_draining: false,
        })
    }

    /// Waits for the next order. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> Order {
        select! {
            _ = self.terminate.recv() => self.stop(),
            _ = self.interrupt.recv() => self.stop(),
            _ = self.hang_up.recv() => Order::Reload,
        }
    }

    /// Waits for this order and passes over others. Dropping the future loses none.
    pub(crate) async fn wait_for(&mut self, order: Order) {
        while self.next().await != order {}
    }

    fn stop(&mut self) -> Order {
        if std::mem::replace(&mut self.is_draining, true) {
            Order::Cut
        } else {
            Order::Drain
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Sends this process a signal.
    fn send(name: &str) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", std::process::id())])
            .status()
            .unwrap();
        assert!(status.success());
    }

    #[tokio::test]
    async fn the_first_order_drains_and_the_second_cuts() {
        let mut signals = Signals::listen().unwrap();
        send("HUP");
        assert_eq!(signals.next().await, Order::Reload);
        send("TERM");
        assert_eq!(signals.next().await, Order::Drain);
        send("INT");
        assert_eq!(signals.next().await, Order::Cut);
        send("HUP");
        send("TERM");
        signals.wait_for(Order::Cut).await;
    }
}
