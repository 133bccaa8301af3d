//! Plays usbnet-dbus: notes what it is asked for, and answers by its script.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::Sender;

use usbnet::control::Reply;
use zbus::message::{Flags, Header, Message};
use zbus::names::ErrorName;

/// A call that came in.
#[derive(Debug)]
pub struct Call {
    pub method: &'static str,
    pub name: String,
    pub parameters: serde_json::Value,
    /// The caller waits for whoever may type a password.
    pub interactive: bool,
}

/// An error of the bridge: its name, its sentence, and the parameters of a daemon's refusal.
#[derive(Debug)]
pub struct Failure {
    name: String,
    sentence: String,
    parameters: Option<String>,
}

impl Failure {
    pub fn own(name: &str, sentence: &str) -> Self {
        Self { name: name.to_owned(), sentence: sentence.to_owned(), parameters: None }
    }

    pub fn daemons(reply: Reply) -> Self {
        let name = reply.error.expect("a refusal");
        Self { sentence: "as the daemon says".into(), parameters: Some(reply.parameters.to_string()), name }
    }
}

impl zbus::DBusError for Failure {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let error = Message::error(call, self.name())?;
        match &self.parameters {
            Some(parameters) => error.build(&(&self.sentence, parameters)),
            None => error.build(&(&self.sentence,)),
        }
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::try_from(self.name.as_str()).expect("a name")
    }

    fn description(&self) -> Option<&str> {
        Some(&self.sentence)
    }
}

pub struct Bridge {
    pub asked: Mutex<Sender<Call>>,
    /// What the next calls are refused with; the others are not.
    pub refusals: Mutex<VecDeque<Failure>>,
}

impl Bridge {
    fn answer(&self, call: Call) -> Result<(), Failure> {
        let _ = self.asked.lock().expect("no panic").send(call);
        self.refusals.lock().expect("no panic").pop_front().map_or(Ok(()), Err)
    }
}

fn is_interactive(call: &Header<'_>) -> bool {
    call.primary().flags().contains(Flags::AllowInteractiveAuth)
}

#[zbus::interface(name = "org.usbnet.Bridge")]
impl Bridge {
    fn set_mode(
        &self,
        name: String,
        parameters: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        let parameters = serde_json::from_str(parameters).expect("JSON");
        self.answer(Call { method: "SetMode", name, parameters, interactive: is_interactive(&call) })
    }

    fn cancel(&self, #[zbus(header)] call: Header<'_>) -> Result<(), Failure> {
        let (name, parameters) = Default::default();
        self.answer(Call { method: "Cancel", name, parameters, interactive: is_interactive(&call) })
    }
}
