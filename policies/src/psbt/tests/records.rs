//! A PSBT as records that a test may change one by one, read and written by code of its own.

/// The maps of a PSBT, each a list of keys and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Records(pub(super) Vec<Vec<(Vec<u8>, Vec<u8>)>>);

impl Records {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut rest = bytes.strip_prefix(b"psbt\xff").expect("a PSBT");
        let mut maps = vec![Vec::new()];
        while !rest.is_empty() {
            let key = prefixed(&mut rest);
            if key.is_empty() {
                maps.push(Vec::new());
            } else {
                let value = prefixed(&mut rest);
                maps.last_mut().expect("one").push((key, value));
            }
        }
        assert_eq!(maps.pop(), Some(Vec::new()), "each map ends");
        Self(maps)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"psbt\xff".to_vec();
        for map in &self.0 {
            for (key, value) in map {
                for part in [key, value] {
                    bytes.extend(size(part.len()));
                    bytes.extend(part);
                }
            }
            bytes.push(0);
        }
        bytes
    }

    /// The value of a record of this type, whose key holds nothing else.
    pub(super) fn value(&mut self, map: usize, key_type: u8) -> &mut Vec<u8> {
        let mut records = self.0[map].iter_mut();
        let found = records.find(|(key, _)| *key == [key_type]);
        &mut found.expect("a record of this type").1
    }

    /// Puts a record in, in its place by type, instead of one that is there.
    pub(super) fn put(&mut self, map: usize, key_type: u8, value: &[u8]) {
        self.remove(map, key_type);
        let records = &mut self.0[map];
        let place = records.iter().position(|(key, _)| key[0] > key_type);
        let place = place.unwrap_or(records.len());
        records.insert(place, (vec![key_type], value.to_vec()));
    }

    pub(super) fn remove(&mut self, map: usize, key_type: u8) {
        self.0[map].retain(|(key, _)| *key != [key_type]);
    }
}

/// A compact size, in its shortest form.
pub(super) fn size(size: usize) -> Vec<u8> {
    bitcoin::consensus::serialize(&bitcoin::VarInt::from(size))
}

fn prefixed(rest: &mut &[u8]) -> Vec<u8> {
    let length: bitcoin::VarInt =
        bitcoin::consensus::Decodable::consensus_decode(rest).expect("a length");
    let length = usize::try_from(length.0).expect("small");
    let (part, after) = rest.split_at(length);
    *rest = after;
    part.to_vec()
}
