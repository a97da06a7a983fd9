//! `bridged provider status`: how the running gateway finds its providers.

use std::io::Write;

use super::super::operator::Operator;
use super::super::{CommandError, say, say_json, table};
use crate::provider_view::{KeyRingView, ProviderStatusView};

pub(super) async fn status(
    operator: &Operator,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let providers: Vec<ProviderStatusView> = operator.api.fetch("/provider-status").await?;
    if json {
        return say_json(out, &providers);
    }
    let header = ["PROVIDER", "TYPE", "STATUS", "KEYS", "REASON"];
    let rows = providers.iter().map(row).collect();
    say(out, &table::table(&header, rows, "There are no providers."))
}

fn row(provider: &ProviderStatusView) -> Vec<String> {
    vec![
        table::line(&provider.name),
        table::or_dash(provider.kind.as_deref()),
        table::line(&provider.status),
        keys(provider.keys, provider.ring),
        table::or_dash(provider.reason.as_deref()),
    ]
}

/// Those that rest are told beside their number.
fn keys(count: usize, ring: Option<KeyRingView>) -> String {
    let resting = ring.map(|ring| {
        let told = [
            (ring.rate_limited, "rate limited"),
            (ring.unauthorized, "refused"),
        ];
        let told = told.iter().filter(|(count, _)| *count > 0);
        let told: Vec<_> = told.map(|(count, how)| format!("{count} {how}")).collect();
        told.join(", ")
    });
    match resting.filter(|text| !text.is_empty()) {
        Some(text) => format!("{count} ({text})"),
        None => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_rest_are_told() {
        let ring = |rate_limited, unauthorized| {
            Some(KeyRingView {
                valid: 1,
                rate_limited,
                unauthorized,
            })
        };
        assert_eq!(keys(0, None), "0");
        assert_eq!(keys(1, ring(0, 0)), "1");
        assert_eq!(keys(3, ring(1, 1)), "3 (1 rate limited, 1 refused)");
    }
}
