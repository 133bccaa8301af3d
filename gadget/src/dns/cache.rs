//! Encoded answers, found by the bytes of the query.
//!
//! A host asks the same few questions again and again, and apart from the ID its queries are the
//! same bytes. Nothing here can be stale: an answer depends on the query's bytes and the zone only,
//! and the zone does not change while a resolver lives. It must never grow: slots are fixed in
//! number and what they hold is bounded, so a host that asks for random names only overwrites.

/// Number of answers kept. A host's resolvers ask for a handful of names with a few types.
const SLOTS: usize = 32;

/// Longest query and longest answer kept, in octets: 16 KB in all at the very worst.
const MAX_LEN: usize = 256;

/// A small direct-mapped cache.
pub(super) struct Cache {
    slots: [Slot; SLOTS],
}

/// One query after its ID, followed by its answer after the ID.
#[derive(Default)]
struct Slot {
    query_len: usize,
    bytes: Vec<u8>,
}

impl Cache {
    pub fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Slot::default()) }
    }

    /// The answer (after its ID) to `query` (after its ID).
    pub fn get(&self, query: &[u8]) -> Option<&[u8]> {
        let slot = &self.slots[index(query)];
        let (known, answer) = slot.bytes.split_at_checked(slot.query_len)?;
        (known == query && !answer.is_empty()).then_some(answer)
    }

    /// Keeps an answer, in place of whatever was in its slot; large ones are not worth the memory.
    pub fn put(&mut self, query: &[u8], answer: &[u8]) {
        if query.len() > MAX_LEN || answer.len() > MAX_LEN {
            return;
        }
        let slot = &mut self.slots[index(query)];
        slot.bytes.clear();
        slot.bytes.reserve_exact(query.len() + answer.len());
        slot.bytes.extend_from_slice(query);
        slot.bytes.extend_from_slice(answer);
        slot.query_len = query.len();
    }
}

/// FNV-1a, folded to a slot number. A host that provokes collisions slows down only itself.
fn index(query: &[u8]) -> usize {
    let hash =
        query.iter().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as usize % SLOTS
}
