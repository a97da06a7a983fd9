//! A tool server as this process finds it, as the operator's API shows it.

use bridge_mcp::{Figures, ServerFigures};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tool server, for all callers of this gateway who are here now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ToolServerStatusView {
    /// Its name.
    pub(crate) name: String,
    /// Its address.
    pub(crate) url: String,
    /// `open`; `opening` when nobody has it yet; `failing` when it is down for anybody; or
    /// `no_credential` when nobody has anything to present to it.
    pub(crate) status: String,
    /// Why it failed last for one of those for whom it is down, in a word; null otherwise.
    pub(crate) reason: Option<String>,
    /// For how many callers it is how.
    pub(crate) callers: CallersView,
    /// Tools on offer to the caller who has most of them.
    pub(crate) tools: usize,
    /// Tools that it lists besides and that cannot be offered.
    pub(crate) unusable_tools: usize,
}

/// How many callers find a tool server how. A user has one catalogue for each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CallersView {
    /// Have its tools.
    pub(crate) open: usize,
    /// Wait for its first answer.
    pub(crate) opening: usize,
    /// Cannot reach it; it is tried again.
    pub(crate) failing: usize,
    /// Have nothing to present to it.
    pub(crate) no_credential: usize,
}

impl ToolServerStatusView {
    /// All servers that callers have opened, by name.
    pub(crate) fn all(figures: Figures) -> Vec<Self> {
        figures.servers.into_iter().map(Self::of).collect()
    }

    fn of(server: ServerFigures) -> Self {
        let callers = CallersView {
            open: server.open,
            opening: server.opening,
            failing: server.down,
            no_credential: server.without_credential,
        };
        Self {
            name: server.name,
            url: server.url,
            status: callers.status().to_owned(),
            reason: server.trouble.map(str::to_owned),
            callers,
            tools: server.tools,
            unusable_tools: server.left_out,
        }
    }
}

impl CallersView {
    /// What an operator should know first.
    fn status(self) -> &'static str {
        if self.failing > 0 {
            "failing"
        } else if self.open > 0 {
            "open"
        } else if self.opening > 0 {
            "opening"
        } else {
            "no_credential"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, [open, opening, down, without_credential]: [usize; 4]) -> ServerFigures {
        ServerFigures {
            name: name.to_owned(),
            url: "https://h/mcp".to_owned(),
            open,
            opening,
            down,
            without_credential,
            tools: 7,
            left_out: 1,
            trouble: (down > 0).then_some("unreachable"),
        }
    }

    #[test]
    fn each_server_says_how_it_is() {
        let servers = vec![
            server("bad", [3, 0, 1, 0]),
            server("good", [3, 1, 0, 2]),
            server("mute", [0, 0, 0, 2]),
            server("new", [0, 1, 0, 2]),
        ];
        let figures = Figures {
            catalogues: 4,
            listened_to: 3,
            servers,
        };
        let views = ToolServerStatusView::all(figures);
        let told: Vec<_> = views
            .iter()
            .map(|view| {
                let (name, status) = (view.name.as_str(), view.status.as_str());
                (name, status, view.reason.as_deref())
            })
            .collect();
        let expected = [
            ("bad", "failing", Some("unreachable")),
            ("good", "open", None),
            ("mute", "no_credential", None),
            ("new", "opening", None),
        ];
        assert_eq!(told, expected);
        let shown = serde_json::to_value(&views[1]).unwrap();
        let callers = serde_json::json!({
            "open": 3, "opening": 1, "failing": 0, "no_credential": 2
        });
        assert_eq!(shown["callers"], callers);
        assert_eq!(
            (&shown["tools"], &shown["unusable_tools"]),
            (&7.into(), &1.into())
        );
    }
}
