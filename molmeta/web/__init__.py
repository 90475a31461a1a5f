"""The page of `molmeta serve` and its HTTP API: measured molecules and a library in, a ranking out.

`app` joins the `routes` and the `guard`, which says whom they answer. `worker` runs `reading` and
`ranking` in processes of their own, which can be killed. `static` is the page.
"""
