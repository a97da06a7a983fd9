//! What the configuration says, in the words of the crates below.

use std::sync::Arc;
use std::time::Duration;

use bridge_api::UsageTold;
use bridge_gateway::GatewayConfig;
use bridge_guard::FrontLimits;
use bridge_intercept::{
    AftercareLimits, BreakerConfig, InterceptConfig, MemoryLimits, OnAbort, ProviderSpec,
    RetryBudgetConfig, RetryConfig, ToolsConfig,
};
use bridge_pool::PoolConfig;
use bridge_record::{BatcherConfig, Durability, JournalConfig};
use bridge_rpc::AuthorizerConfig;
use bridge_telemetry::{LabelLimits, Metrics};
use bridge_upstream::{ClientConfig, Timeouts};

use crate::config::sections::{BreakerSection, RetrySection};
use crate::config::setting::{AbortHabit, Count, JournalMode, Limit, UsageHabit};
use crate::config::{Config, Provider};
use crate::observers::PoolMetrics;

/// Connections to providers.
pub(super) fn client_config(config: &Config) -> ClientConfig {
    let upstream = &config.upstream;
    ClientConfig {
        timeouts: Timeouts {
            connect: upstream.connect_timeout,
            head: upstream.head_timeout,
            silence: upstream.silence,
            total: upstream.total_timeout.0,
        },
        idle_per_endpoint: upstream.idle_connections.0,
        idle_keep: upstream.idle_lifetime,
        streams_per_connection: upstream.http2_streams.0,
        extra_roots: upstream.extra_roots.clone(),
        proxies: config.proxies.clone(),
        allowed_private: config.egress.allowed_private.0.clone(),
    }
}

/// Limits towards callers.
pub(super) fn gateway_config(config: &Config, metrics: &Metrics) -> GatewayConfig {
    let (gateway, limits) = (&config.gateway, &config.limits);
    let whole = |limit: Limit| limit.0.and_then(|limit| usize::try_from(limit).ok());
    GatewayConfig {
        body_bytes: gateway.body_bytes.0,
        body_silence: gateway.body_silence,
        head_timeout: gateway.head_timeout,
        connections: gateway.connections.0,
        allow_own_keys: gateway.allow_own_keys,
        front: FrontLimits {
            concurrency: whole(limits.concurrency),
            caller_concurrency: whole(limits.caller_concurrency),
            caller_rate: limits.caller_rate.0,
            callers: limits.callers.0,
        },
        pool: PoolConfig {
            capacity: gateway.ready_handlers.0,
            ttl: gateway.handler_lifetime,
            observer: Some(Arc::new(PoolMetrics(metrics.clone()))),
            ..PoolConfig::default()
        },
        server_timing: config.metrics.server_timing,
    }
}

/// What is counted, and for whom, from now on.
pub(super) fn configure_metrics(config: &Config, metrics: &Metrics) {
    let section = &config.metrics;
    let users = section
        .users
        .0
        .and_then(|users| usize::try_from(users).ok());
    metrics.limit_labels(LabelLimits {
        models: section.models.0,
        users: users.unwrap_or(0),
        tools: section.tools.0,
        combinations: section.combinations.0,
    });
    metrics.also_named(section.aliases.0);
}

/// Limits and habits of the interception.
pub(super) fn intercept_config(config: &Config) -> InterceptConfig {
    let engine = &config.engine;
    InterceptConfig {
        body_bytes: engine.decoded_body_bytes.0,
        ping_after: engine.ping_after,
        answer_bytes: engine.answer_bytes.0,
        held_bytes: engine.held_bytes.0,
        send_actor: engine.send_actor,
        on_abort: match engine.on_abort {
            AbortHabit::Cancel => OnAbort::Cancel,
            AbortHabit::Drain => OnAbort::ReadOn(AftercareLimits {
                time: engine.abort_drain_time,
                bytes: engine.abort_drain_bytes.0,
                at_once: engine.abort_drains.0,
            }),
        },
        retry: retry_config(&config.retry),
        breaker: config
            .breaker
            .enabled
            .then(|| breaker_config(&config.breaker)),
    }
}

fn retry_config(retry: &RetrySection) -> RetryConfig {
    RetryConfig {
        retries: retry.max_retries.0.unwrap_or(0),
        budget: RetryBudgetConfig {
            percent: retry.budget_percent.0,
            reserve: u32::try_from(retry.budget_reserve.0).unwrap_or(u32::MAX),
        },
        longest_wait: retry.longest_wait,
        for_retrying_callers: retry.for_retrying_callers,
    }
}

fn breaker_config(breaker: &BreakerSection) -> BreakerConfig {
    let whole = |count: Count| u32::try_from(count.0).unwrap_or(u32::MAX);
    BreakerConfig {
        failures: whole(breaker.failures),
        interval: breaker.interval.0.unwrap_or(Duration::ZERO),
        open_for: breaker.open_for,
        probes: whole(breaker.probes),
    }
}

/// How much a turn may do with tools of tool servers; nothing while it gets none.
pub(super) fn tools_config(config: &Config) -> Option<ToolsConfig> {
    let tools = &config.tools;
    let whole = |count: Count| u32::try_from(count.0).unwrap_or(u32::MAX);
    tools.enabled.then(|| ToolsConfig {
        skip_models: tools.skip_models.0.clone(),
        usage: match tools.usage {
            UsageHabit::Sum => UsageTold::Sum,
            UsageHabit::Last => UsageTold::Last,
        },
        rounds: whole(tools.rounds),
        calls: whole(tools.calls),
        at_once: tools.at_once.0,
        call_timeout: tools.call_timeout,
        total_timeout: tools.total_timeout,
        result_bytes: tools.result_bytes.0,
        open_timeout: tools.open_timeout,
        memory: tools.memory.then_some(MemoryLimits {
            turns: tools.memory_entries.0,
            bytes: tools.memory_bytes.0,
            age: tools.memory_age,
        }),
    })
}

/// How records travel.
pub(super) fn batcher_config(config: &Config) -> BatcherConfig {
    let record = &config.record;
    BatcherConfig {
        waiting_bytes: record.waiting_bytes.0,
        batch_records: record.batch_records.0,
        batch_bytes: record.batch_bytes.0,
        linger: record.linger,
    }
}

/// How records are kept on the disk; nothing when they are not.
pub(super) fn journal_config(config: &Config) -> Option<JournalConfig> {
    let journal = &config.journal;
    let durability = match journal.mode {
        JournalMode::Strict => Durability::Strict,
        JournalMode::Relaxed => Durability::Relaxed,
        JournalMode::Off => return None,
    };
    Some(JournalConfig {
        durability,
        max_bytes: journal.max_bytes.0 as u64,
        segment_bytes: journal.segment_bytes.0 as u64,
        group_interval: journal.group_interval,
        disk_patience: journal.disk_patience,
        delivery: batcher_config(config),
        ..JournalConfig::default()
    })
}

/// How long the control plane's word is good.
pub(super) fn authorizer_config(config: &Config) -> AuthorizerConfig {
    AuthorizerConfig {
        lease: config.auth.cache.0,
        grace: config.auth.grace.0,
        capacity: config.auth.cache_entries.0,
        ..AuthorizerConfig::default()
    }
}

/// A provider as the engine would have it, to see whether it could.
pub(super) fn provider_spec(provider: &Provider) -> ProviderSpec {
    ProviderSpec {
        name: provider.name.clone(),
        provider_type: provider.kind.as_str().to_owned(),
        enabled: provider.enabled,
        base_url: provider.base_url.as_str().to_owned(),
        keys: provider.keys.clone(),
        ..ProviderSpec::default()
    }
}
