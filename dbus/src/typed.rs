//! What holds for the calls of every method: there is a bound to how many are under way, and their arguments have the
//! right types; others zbus answers with an error of its own, clients know the bus's.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult2, Interface, SignalEmitter};
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, ObjectServer, fdo};

use crate::failure::Failure;
use crate::limit::Calls;

/// An interface that is only called with what its description says.
#[derive(Debug)]
pub struct Typed<T> {
    interface: T,
    /// The types of each method's arguments.
    methods: HashMap<String, String>,
    calls: Arc<Calls>,
}

impl<T: Interface> Typed<T> {
    /// This interface, by its own description; its calls are counted in `calls`.
    #[must_use]
    pub fn new(interface: T, calls: Arc<Calls>) -> Self {
        let mut description = String::new();
        interface.introspect_to_writer(&mut description, 0);
        Self { interface, methods: arguments(&description), calls }
    }

    fn mismatch(&self, call: &Message, name: &str) -> Option<Failure> {
        let (expected, body) = (self.methods.get(name)?, call.body());
        let given = body.signature().to_string_no_parens();
        let or_nothing =
            |types: &str| if types.is_empty() { "nothing".to_owned() } else { format!("{types:?}") };
        (given != *expected).then(|| {
            let (given, expected) = (or_nothing(&given), or_nothing(expected));
            Failure::invalid(format!(
                "{name} is called with {given}; call it with {expected}, as its description says"
            ))
        })
    }
}

/// The types of the arguments of all methods in an interface's description.
fn arguments(description: &str) -> HashMap<String, String> {
    let attribute = |line: &str, name: &str| {
        let (value, _) = line.split_once(&format!(" {name}=\""))?.1.split_once('"')?;
        Some(value.to_owned())
    };
    let mut methods = HashMap::new();
    for method in description.split("<method").skip(1) {
        let method = method.split("</method>").next().unwrap_or_default();
        let taken = method.lines().filter(|line| line.contains(" direction=\"in\""));
        let types = taken.filter_map(|line| attribute(line, "type")).collect();
        methods.extend(attribute(method, "name").map(|name| (name, types)));
    }
    methods
}

#[async_trait]
impl<T: Interface> Interface for Typed<T> {
    fn name() -> InterfaceName<'static> {
        T::name()
    }

    async fn get(
        &self,
        property: &str,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<fdo::Result<OwnedValue>> {
        self.interface.get(property, server, bus, header, emitter).await
    }

    async fn get_all(
        &self,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<HashMap<String, OwnedValue>> {
        self.interface.get_all(server, bus, header, emitter).await
    }

    /// The trait's own would wait until no call is under way, and have every new call wait for that, uncounted.
    fn set<'call>(
        &'call self,
        property: &'call str,
        value: &'call Value<'_>,
        server: &'call ObjectServer,
        bus: &'call Connection,
        header: Option<&'call Header<'_>>,
        emitter: &'call SignalEmitter<'_>,
    ) -> DispatchResult2<'call> {
        self.interface.set(property, value, server, bus, header, emitter)
    }

    async fn set_mut(
        &mut self,
        property: &str,
        value: &Value<'_>,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<fdo::Result<()>> {
        self.interface.set_mut(property, value, server, bus, header, emitter).await
    }

    fn call<'call>(
        &'call self,
        server: &'call ObjectServer,
        bus: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult2<'call> {
        let refuse =
            |failure| DispatchResult2::new_async(bus, message, async { Err::<(), Failure>(failure) });
        let header = message.header();
        let under_way = match self.calls.begin(header.sender().map_or("", |sender| sender.as_str())) {
            Ok(under_way) => under_way,
            Err(failure) => return refuse(failure),
        };
        let answer = match self.mismatch(message, &name) {
            Some(failure) => refuse(failure),
            None => self.interface.call(server, bus, message, name),
        };
        match answer {
            DispatchResult2::Async(answer) => DispatchResult2::Async(Box::pin(async move {
                let answered = answer.await;
                drop(under_way);
                answered
            })),
            other => other,
        }
    }

    fn call_mut<'call>(
        &'call mut self,
        server: &'call ObjectServer,
        bus: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult2<'call> {
        self.interface.call_mut(server, bus, message, name)
    }

    fn introspect_to_writer(&self, writer: &mut dyn Write, level: usize) {
        self.interface.introspect_to_writer(writer, level);
    }
}
