"""Filters: a query, compiled once, decides which events a subscriber gets.

::

    text ──parse──► nodes ──rules──► normal form ──analyse──► interest ──plan──► bindings (broker)
                                          │
                                          └─► residual (what type and source do not decide)
                                                 ├─ index     for many filters at once
                                                 ├─ compiled  closures over lxml elements
                                                 └─ xquery    elementpath, for what is left

The bindings of the plan may select too much, never too little; together with the residual they
are the query.
"""

from clacks_events.filter.filter import Filter
from clacks_events.filter.index import FilterIndex
from clacks_events.filter.matcher import Subject
from clacks_events.filter.phases import compile_filter

__all__ = ["Filter", "FilterIndex", "Subject", "compile_filter"]
