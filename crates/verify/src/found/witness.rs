//! What is wrong with which object, as the documented JSON has it.

use closesocket_models::Breach;
use serde::Serialize;

/// What the last step of a counterexample breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Witness {
    /// In one sentence, without a full stop.
    pub(crate) sentence: String,
    /// The kind of the object, in one word.
    kind: &'static str,
    /// Its name.
    object: String,
    /// Who took the step; `null` if it was no thread.
    by: Option<String>,
}

impl Witness {
    /// That of a breach, if it has one.
    pub(crate) fn of(breach: Breach) -> Option<Self> {
        let object = breach.witness?.object;
        Some(Self {
            sentence: breach.what()?,
            kind: object.kind(),
            object: object.to_string(),
            by: breach.by,
        })
    }
}
