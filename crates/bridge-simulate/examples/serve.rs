//! Serves a simulated provider on the address given, until the process is ended.

use bridge_simulate::{SimulateConfig, Simulator};
use bridge_telemetry::discard;

#[expect(
    clippy::print_stdout,
    reason = "the example tells its reader where it listens"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let config = SimulateConfig {
        listen: listen.parse()?,
        keep_seen: 0,
        ..SimulateConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let simulator = Simulator::bind(config, &discard()).await?;
        println!("ANTHROPIC_BASE_URL={}", simulator.base_url_anthropic());
        println!("OPENAI_BASE_URL={}", simulator.base_url_openai());
        std::future::pending::<()>().await;
        Ok(())
    })
}
