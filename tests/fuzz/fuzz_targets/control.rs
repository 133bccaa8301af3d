//! The control protocol: whatever a client sends is cut into messages and understood or refused, within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usbnet::control::{FrameError, Inbox, Incoming, MAX_MESSAGE, receive};

/// Gives the input in pieces whose lengths the input itself chooses.
struct Pieces<'a>(&'a [u8]);

impl embedded_io::ErrorType for Pieces<'_> {
    type Error = embedded_io::ErrorKind;
}
impl embedded_io::Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let piece = self.0.first().map_or(0, |first| usize::from(*first) + 1);
        let n = piece.min(self.0.len()).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}
impl embedded_io::ReadReady for Pieces<'_> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

fuzz_target!(|data: &[u8]| {
    let mut pieces = Pieces(data);
    let mut inbox = Inbox::default();
    let mut held = 0;
    loop {
        let filled = inbox.fill(&mut pieces);
        while let Some(message) = inbox.take() {
            held += message.len() + 1;
            if let Incoming::Answer(reply) = receive(&message) {
                let error = reply.error.as_deref().unwrap_or("org.varlink.service");
                assert!(error.starts_with("org.varlink.service"), "{error}");
                serde_json::to_vec(&reply).expect("a reply can be sent");
            }
        }
        match filled {
            Ok(()) => {}
            Err(FrameError::Closed) => break,
            Err(FrameError::TooLong) => {
                assert!(data.len() - held >= MAX_MESSAGE);
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
});
