//! Sets, maps and short ordered lists without std's sorts: those cost the release binary 4 kB for every type that is sorted,
//! and `collect` sorts whatever becomes a set or map.

use std::cmp::Ordering;

/// What every iterator has beside std's `collect`.
pub trait Gather: Iterator + Sized {
    /// Into a set or map, one after the other; of equal keys the last one counts.
    fn gather<C: Default + Extend<Self::Item>>(self) -> C {
        let mut collection = C::default();
        collection.extend(self);
        collection
    }

    /// Into a list in this order, in which equal ones stay as they come. For short lists: every item is put in its place.
    fn sorted_by(self, order: impl Fn(&Self::Item, &Self::Item) -> Ordering) -> Vec<Self::Item> {
        let mut sorted = Vec::new();
        for item in self {
            let place = sorted.partition_point(|other| order(other, &item).is_le());
            sorted.insert(place, item);
        }
        sorted
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_last_of_equal_keys_counts() {
        let map: BTreeMap<_, _> = [(2, 'a'), (1, 'b'), (2, 'c')].into_iter().gather();
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, 'b'), (2, 'c')]);
    }

    #[test]
    fn sorts_as_std_does() {
        let rows: [(&str, &[(u8, char)]); 4] = [
            ("nothing", &[]),
            ("backwards", &[(3, 'a'), (2, 'b'), (1, 'c')]),
            ("equal ones keep their order", &[(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')]),
            ("in order", &[(1, 'a'), (2, 'b')]),
        ];
        for (name, row) in rows {
            let mut expected = row.to_vec();
            expected.sort_by_key(|(key, _)| *key);
            assert_eq!(row.iter().copied().sorted_by(|(a, _), (b, _)| a.cmp(b)), expected, "{name}");
        }
    }
}
