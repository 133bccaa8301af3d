import varlink

with varlink.Client("unix:/run/usbnet/control") as client:
    with client.open("org.usbnet.Control") as control:
        print(control.Status()["status"]["mode"])
        try:
            control.SetMode("storage")
        except varlink.VarlinkError as error:
            print(error.error(), error.parameters())
