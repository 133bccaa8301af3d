//! Plays polkit: one verdict for all, or none for anybody, and what was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use zbus::zvariant::OwnedValue;

/// On the bus for as long as it lives.
#[derive(Debug)]
pub struct Polkit {
    bus: Option<zbus::Connection>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Authority {
    verdict: Option<bool>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedValue>),
        action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> ((bool, bool, HashMap<String, String>),) {
        assert_eq!(subject.0, "system-bus-name");
        assert!(subject.1.contains_key("name"));
        self.asked.lock().expect("no test failed in it").push(action);
        match self.verdict {
            Some(verdict) => ((verdict, false, HashMap::new()),),
            None => std::future::pending().await,
        }
    }
}

impl Polkit {
    pub fn start(address: &str, verdict: bool) -> Self {
        Self::with(address, Some(verdict))
    }

    /// Its dialogs are open for ever.
    pub fn waiting(address: &str) -> Self {
        Self::with(address, None)
    }

    fn with(address: &str, verdict: Option<bool>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let authority = Authority { verdict, asked: Arc::clone(&asked) };
        let path = "/org/freedesktop/PolicyKit1/Authority";
        let bus = async_io::block_on(async {
            let builder = zbus::connection::Builder::address(address)?;
            builder.serve_at(path, authority)?.name("org.freedesktop.PolicyKit1")?.build().await
        });
        Self { bus: Some(bus.expect("a connection to the bus")), asked }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test failed in it").clone()
    }
}

impl Drop for Polkit {
    /// Before the next one takes the name.
    fn drop(&mut self) {
        if let Some(bus) = self.bus.take() {
            async_io::block_on(bus.close()).expect("the bus lets go");
        }
    }
}
