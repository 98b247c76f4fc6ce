"""What people type: functions for notebooks and scripts, and those behind the commands.

The names that ``import darkmask`` offers lead here, and nothing is loaded before one of them is asked for.

===============  ====================================================================
``search``       :func:`.search.bad_pixels` and :func:`.search.search_delivery`
``keywords``     what a call may say: keywords of jwst_reffiles, of the flight search, of the mask's header
``request``      from a call to what is searched: files, frame, parameters, header
``result``       :class:`.result.BadPixels`, the answer for one detector
``comparison``   two masks, flag by flag
``progress``     a bar for who waits
``commands``     what ``python -m darkmask search`` does
===============  ====================================================================
"""
