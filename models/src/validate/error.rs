//! Why a scenario does not fit.

/// Why a scenario cannot be explored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A number is larger than its place in the state.
    #[error("scenario `{scenario}`: {field} is {value}, the limit is {limit}")]
    TooLarge {
        /// The scenario's name.
        scenario: &'static str,
        /// The field, as it is written in Rust.
        field: String,
        /// What it is.
        value: u64,
        /// The most that it can be.
        limit: u64,
    },
    /// Something is named that the scenario does not have.
    #[error("scenario `{scenario}`: {field} is {value}, but there are only {count}")]
    Missing {
        /// The scenario's name.
        scenario: &'static str,
        /// The field, as it is written in Rust.
        field: String,
        /// The index that it is.
        value: u8,
        /// How many there are.
        count: usize,
    },
    /// The state has no code for a value.
    #[error("scenario `{scenario}`: {field} leads to {value}, for which the state has no code")]
    NoCode {
        /// The scenario's name.
        scenario: &'static str,
        /// The field, as it is written in Rust.
        field: String,
        /// The value.
        value: String,
    },
    /// A call or a value makes no sense beside the others.
    #[error("scenario `{scenario}`: {field}: {reason}")]
    Senseless {
        /// The scenario's name.
        scenario: &'static str,
        /// The field, as it is written in Rust.
        field: String,
        /// Why.
        reason: &'static str,
    },
}
