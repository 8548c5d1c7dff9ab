"""What the keys of the main screen do: functions of the screen, named by the table in `table.py`.

Imports screens, navigator, rows, model, cli and the engine; engine modules that only an action needs are imported when
it is performed, so that the app starts fast. Never in it: whether an action is available, which
`navigator.availability` decides.
"""
