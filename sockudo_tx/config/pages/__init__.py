"""What is made from the declarations: the reference, the JSON Schema and the files of `config/`. See `render.py`."""
