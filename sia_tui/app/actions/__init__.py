"""What the keys of the main screen do: functions of the screen, named by the table in `table.py`.

Whether an action is available is decided in `navigator.availability`. Engine modules that only an action needs are
imported when it is performed, so that the app starts fast.
"""
