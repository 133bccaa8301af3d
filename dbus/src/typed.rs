//! Calls whose arguments have the wrong types: zbus answers them with an error of its own, clients know the bus's.

use std::collections::HashMap;
use std::fmt::Write;

use async_trait::async_trait;
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult2, Interface, SignalEmitter};
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, ObjectServer, fdo};

use crate::failure::Failure;

/// An interface that is only called with what its description says.
#[derive(Debug)]
pub struct Typed<T> {
    interface: T,
    /// The types of each method's arguments.
    methods: HashMap<String, String>,
}

impl<T: Interface> Typed<T> {
    /// This interface, by its own description.
    #[must_use]
    pub fn new(interface: T) -> Self {
        let mut description = String::new();
        interface.introspect_to_writer(&mut description, 0);
        Self { interface, methods: arguments(&description) }
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
        match self.mismatch(message, &name) {
            Some(failure) => DispatchResult2::new_async(bus, message, async { Err::<(), _>(failure) }),
            None => self.interface.call(server, bus, message, name),
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
