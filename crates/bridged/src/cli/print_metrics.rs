//! `bridged print-metrics`: the families of metrics that exist, for the committed reference.

use std::io::Write;

use bridge_telemetry::{Described, Metrics};

use super::{CommandError, say};

pub(crate) fn run(out: &mut dyn Write) -> Result<(), CommandError> {
    say(out, &markdown())
}

/// The reference page.
fn markdown() -> String {
    let metrics = Metrics::default();
    let mut page = String::from(
        "# Metrics\n\n\
         <!-- Written by `bridged print-metrics`. -->\n\n\
         `GET /metrics` on the operator's listener answers with these families, in the OpenMetrics \
         text format where the scraper asks for it and in Prometheus' older one elsewhere.\n\
         A family without samples is left out, so most appear with their first event.\n\
         [How do I see what it does?](../operators/observe.md) says what to look at.\n\n\
         | Family | Kind | Labels | Meaning |\n\
         |---|---|---|---|\n",
    );
    page.extend(metrics.catalogue().iter().map(row));
    page.push_str(
        "\n## Labels\n\n\
         Models, users and tools are named by others: [`[metrics]`](config.md#metrics) bounds how \
         many of their names become labels.\n\n\
         | Label | Meaning |\n\
         |---|---|\n",
    );
    let labels = Metrics::labels().iter();
    page.extend(labels.map(|(name, meaning)| format!("| `{name}` | {meaning} |\n")));
    page.push_str(
        "\n## Names of Coder's AI Gateway\n\n\
         With `metrics.aliases` these families are exposed a second time under the names of Coder's \
         AI Gateway, with its labels, so that its dashboards and alerts go on.\n\
         Where it tells less apart, samples are added up, and the worst state of breakers counts.\n\
         Kinds of tokens that are contained in others there are not exposed.\n\n\
         | Family | After `coder_ai_gateway_` or `coder_aibridged_` |\n\
         |---|---|\n",
    );
    let names = Metrics::other_names();
    page.extend(names.map(|(ours, theirs)| format!("| `{ours}` | `{theirs}` |\n")));
    page
}

fn row(family: &Described) -> String {
    let labels: Vec<_> = family
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    let (name, kind, help) = (&family.name, family.kind, family.help);
    format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
}

#[cfg(test)]
mod tests;
