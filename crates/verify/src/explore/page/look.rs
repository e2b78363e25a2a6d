//! What the query of an address says: where on which path, and what is left out.

/// How a place is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::explore) struct Look {
    /// The fingerprints of the path's steps; `None` if the address names no place.
    pub(in crate::explore) steps: Option<String>,
    /// Where on the path, if not at its end.
    pub(in crate::explore) at: Option<String>,
    /// The keys of the lanes that are not shown.
    pub(super) hidden: Vec<String>,
    /// Lanes that nothing happens in are not shown.
    pub(super) folded: bool,
}

impl Look {
    /// Reads a query. What is unknown in it is left out.
    pub(in crate::explore) fn of(query: &str) -> Self {
        let mut look = Self::default();
        for part in query.split('&') {
            match part.split_once('=').unwrap_or((part, "")) {
                ("steps", value) => look.steps = Some(value.to_owned()),
                ("at", value) => look.at = Some(value.to_owned()),
                ("hide", value) if key(value) == value && !value.is_empty() => {
                    look.hidden.push(value.to_owned());
                }
                ("fold", _) => look.folded = true,
                _ => {}
            }
        }
        look
    }

    /// The address of another place, seen in the same way; `at` is where on the way,
    /// if not at its end.
    pub(in crate::explore) fn address(&self, page: &str, way: &str, at: Option<usize>) -> String {
        let mut text = format!("{page}?steps={way}");
        if let Some(at) = at {
            text += &format!("&at={at}");
        }
        for it in &self.hidden {
            text += &format!("&hide={it}");
        }
        if self.folded {
            text += "&fold";
        }
        text
    }

    /// The same with a lane hidden, or shown again.
    pub(super) fn toggled(&self, lane: &str) -> Self {
        let mut look = self.clone();
        match look.hidden.iter().position(|it| it == lane) {
            Some(place) => drop(look.hidden.remove(place)),
            None => look.hidden.push(lane.to_owned()),
        }
        look
    }
}

/// The key of a lane: of its name what can stand in an address.
pub(super) fn key(name: &str) -> String {
    let fits = |it: &char| it.is_ascii_alphanumeric() || *it == '.';
    name.chars().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::{Look, key};

    #[test]
    fn an_address_says_what_was_read() {
        for query in [
            "steps=",
            "steps=12ab.0f0f-1&at=1",
            "steps=12ab&at=0&hide=descriptor0.1P0&hide=world&fold",
        ] {
            let look = Look::of(query);
            let steps = look.steps.clone().expect("steps");
            let at = look.at.as_deref().map(|it| it.parse().expect("a number"));
            assert_eq!(look.address("", &steps, at), format!("?{query}"));
        }
        assert_eq!(Look::of("").steps, None);
        assert!(Look::of("hide=a\"b&hide=&else=1").hidden.is_empty());
    }

    #[test]
    fn a_lane_is_hidden_and_shown_again() {
        let lane = key("descriptor 0.1 (P0)");
        assert_eq!(lane, "descriptor0.1P0");
        let look = Look::of("steps=").toggled(&lane);
        assert_eq!(look.hidden, [&*lane]);
        assert!(look.toggled(&lane).hidden.is_empty());
    }
}
