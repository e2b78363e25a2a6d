//! Lists that mostly hold one thing.

/// A list whose first element needs no memory of its own: most sections have one
/// result to hand over.
pub(super) struct Few<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Few<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: Vec::new(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(super) fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.rest.push(item);
        }
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        match self.rest.last_mut() {
            None => self.first.as_mut(),
            last => last,
        }
    }

    /// Takes everything out, in order; the memory stays.
    #[inline]
    pub(super) fn drain(&mut self, mut each: impl FnMut(T)) {
        if let Some(first) = self.first.take() {
            each(first);
        }
        if !self.rest.is_empty() {
            self.rest.drain(..).for_each(each);
        }
    }
}

impl<T> From<T> for Few<T> {
    fn from(item: T) -> Self {
        Self {
            first: Some(item),
            rest: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn it_gives_everything_back_in_its_order_and_can_be_used_again() {
        let mut few = Few::new();
        for items in 0..4 {
            assert!(few.is_empty() && few.last_mut().is_none());
            for item in 0..items {
                few.push(item);
                assert_eq!(few.last_mut(), Some(&mut item.clone()));
            }
            assert_eq!(few.len(), items);
            let mut order = Vec::new();
            few.drain(|item| order.push(item));
            assert_eq!(order, (0..items).collect::<Vec<_>>());
        }
        assert_eq!(Few::from(7).last_mut(), Some(&mut 7));
    }
}
