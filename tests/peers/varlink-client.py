"""The public Python client of Varlink drives the daemon through what it says about itself: nothing of usbnet's is here.

    varlink-client.py MODE OTHER    MODE is set, OTHER can be chosen
"""

import sys
import varlink

INTERFACE = "org.usbnet.Control"
mode, other = sys.argv[1:]


def refused(name, call, /, **parameters):
    try:
        call(**parameters)
    except varlink.VarlinkError as error:
        assert error.error() == name, error
        return error.parameters()
    raise AssertionError(f"not refused with {name}")


with varlink.Client("unix:/run/usbnet/control") as client:
    with client.open("org.varlink.service") as service:
        info = service.GetInfo()
        assert info["product"] == "usbnet" and INTERFACE in info["interfaces"], info
        text = service.GetInterfaceDescription(INTERFACE)["description"]
        assert f"interface {INTERFACE}" in text
        refused("org.varlink.service.InterfaceNotFound", service.GetInterfaceDescription, interface="org.example")

    with client.open(INTERFACE) as control, client.open(INTERFACE) as watcher:
        events = watcher.Watch(_more=True)
        first = next(events)["event"]
        assert (first["kind"], first["value"]) == ("mode", mode), first
        status = control.Status()["status"]
        assert (status["mode"], status["state"]) == (mode, "confirmed"), status
        modes = {one["name"]: one for one in control.Modes()["modes"]}
        assert modes[mode]["current"] and modes[other].get("why") is None, modes

        # The network mode of the scenario has a link, the other one has none.
        if status.get("link"):
            profile = control.Profile("networkmanager")
            assert (profile["mode"], profile["shape"]) == (mode, "link") and "### Undo" in profile["readme"], profile
            assert status["link"]["host_mac"].upper() in profile["files"][0]["text"].upper(), profile
            assert control.Profile("networkmanager", "bridge")["shape"] == "bridge"
            hosts = refused(f"{INTERFACE}.UnknownHost", control.Profile, host="plan9")["hosts"]
            assert "networkmanager" in hosts, hosts
        else:
            assert refused(f"{INTERFACE}.NoLink", control.Profile, host="networkmanager")["mode"] == mode
        wrong = refused("org.varlink.service.InvalidParameter", control.Profile, host="ssh", shape="round")
        assert wrong["parameter"] == "shape", wrong

        steps = control.SetMode(name=other, plan=True)
        assert steps["mode"] == other and steps["steps"], steps
        assert control.Status()["status"]["mode"] == mode, "a plan changes nothing"

        unknown = refused(f"{INTERFACE}.UnknownMode", control.SetMode, name="nothing")
        assert unknown["name"] == "nothing" and mode in unknown["modes"], unknown
        for name, value in [("on_busy", {"action": "wait", "seconds": 0}), ("wait", 2**32 - 1)]:
            wrong = refused("org.varlink.service.InvalidParameter", control.SetMode, name=other, **{name: value})
            assert wrong["parameter"] == name, wrong
        refused(f"{INTERFACE}.Failed", control.Cancel)

        assert control.SetMode(other) == {"mode": other, "steps": []}
        seen = []
        while seen[-1:] != [("mode", other)]:
            event = next(events)["event"]
            seen.append((event["kind"], event.get("mode")))
        assert "switching" in [kind for kind, _ in seen], seen
        print(f"switched to {other}; events: {[kind for kind, _ in seen]}")
