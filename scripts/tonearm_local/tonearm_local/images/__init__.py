"""Container images of the workflow's steps: an engine to run them, how they are built, and Lambda's conditions.

    with borrowed_engine(root) as engine:
        images = build_images(root, engine)

`engine` finds or starts a container engine, `base` and `build` make the images, `container` says how Lambda would run
one, `relay` is a container's only way out, and `runtime_api` stands for the service that hands a function its events.
"""
