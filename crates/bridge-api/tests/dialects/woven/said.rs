//! What was said in a conversation, in no dialect.

use super::turn::Part;

/// One thing that was said in a conversation. Nobody says nothing: texts that are blank are left
/// out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    User(String),
    Model(Part),
    Result { id: String, text: String },
}

/// As it is understood: without blank texts, which nobody says. Of an answer whose dialect merges
/// its parts there is one thought and one text before its calls.
pub(crate) fn spoken(is_merged: bool, said: Vec<Said>) -> Vec<Said> {
    let is_blank =
        |said: &Said| matches!(said, Said::Model(Part::Text(text)) if text.trim().is_empty());
    let said = if is_merged { merged(&said) } else { said };
    said.into_iter().filter(|said| !is_blank(said)).collect()
}

fn merged(said: &[Said]) -> Vec<Said> {
    let is_model = |said: &Said| matches!(said, Said::Model(_));
    let runs = said.chunk_by(|one, other| is_model(one) == is_model(other));
    runs.flat_map(|run| {
        if is_model(&run[0]) {
            one_answer(run)
        } else {
            run.to_vec()
        }
    })
    .collect()
}

/// What the provider does by itself is told in another way in such a dialect, or not at all.
fn one_answer(run: &[Said]) -> Vec<Said> {
    let (mut thought, mut text, mut calls) = (String::new(), String::new(), Vec::new());
    for said in run {
        match said {
            Said::Model(Part::Text(piece)) => text += piece,
            Said::Model(Part::Thought(piece)) => thought += piece,
            Said::Model(Part::Call(_)) => calls.push(said.clone()),
            Said::Model(Part::Hosted(_)) | Said::User(_) | Said::Result { .. } => {}
        }
    }
    let mut answer = Vec::new();
    if !thought.is_empty() {
        answer.push(Said::Model(Part::Thought(thought)));
    }
    answer.push(Said::Model(Part::Text(text)));
    answer.extend(calls);
    answer
}

pub(crate) fn without_thoughts(mut said: Vec<Said>) -> Vec<Said> {
    said.retain(|said| !matches!(said, Said::Model(Part::Thought(_))));
    said
}
