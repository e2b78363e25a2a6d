//! Lists that mostly hold one thing.

use std::collections::VecDeque;

/// A list whose first element needs no memory of its own: most descriptors have
/// one operation at a time, and most sections one result to hand over.
pub(super) struct Few<T> {
    first: Option<T>,
    /// What is behind it; nothing if there is no first.
    #[expect(clippy::box_collection, reason = "a word where there is nothing")]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Few<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.len());
        usize::from(self.first.is_some()) + rest
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.rest.get_or_insert_default().push_back(item);
        }
    }

    pub(super) const fn first(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) const fn first_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        let last = self.rest.as_mut().and_then(|rest| rest.back_mut());
        last.or(self.first.as_mut())
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// The index of the element with this key, in a list that is ordered by it.
    pub(super) fn find<K: Ord>(&self, key: &K, key_of: impl Fn(&T) -> K) -> Option<usize> {
        if key_of(self.first.as_ref()?) == *key {
            return Some(0);
        }
        let rest = self.rest.as_ref()?;
        let behind = rest.binary_search_by_key(key, key_of).ok()?;
        Some(behind + 1)
    }

    #[inline]
    pub(super) fn pop_first(&mut self) -> Option<T> {
        let first = self.first.take()?;
        self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        Some(first)
    }

    /// Takes this one out; the order stays.
    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        match index.checked_sub(1) {
            None => self.pop_first(),
            Some(behind) => self.rest.as_mut()?.remove(behind),
        }
    }

    /// Takes everything out, in order; the memory stays.
    #[inline]
    pub(super) fn drain(&mut self, mut each: impl FnMut(T)) {
        if let Some(first) = self.first.take() {
            each(first);
        }
        if let Some(rest) = &mut self.rest {
            rest.drain(..).for_each(each);
        }
    }
}

impl<T> From<T> for Few<T> {
    fn from(item: T) -> Self {
        Self {
            first: Some(item),
            rest: None,
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

    #[test]
    fn whichever_is_taken_out_the_others_keep_their_order() {
        for taken in 0..4 {
            let mut few = Few::new();
            (0..3).for_each(|item| few.push(10 * item));
            let index = few.find(&(10 * taken), |&item| item);
            assert_eq!(index, (taken < 3).then_some(taken));
            assert_eq!(few.remove(taken), index.map(|index| 10 * index));
            let left: Vec<_> = (0..3).filter(|&it| it != taken).map(|it| 10 * it).collect();
            assert_eq!(few.iter().copied().collect::<Vec<_>>(), left);
            for mut item in left {
                assert_eq!(few.first(), Some(&item));
                assert_eq!(few.first_mut(), Some(&mut item));
                assert_eq!(few.pop_first(), Some(item));
            }
            assert!(few.is_empty() && few.pop_first().is_none());
        }
    }
}
