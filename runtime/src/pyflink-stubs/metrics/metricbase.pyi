from penstock.metrics.metricbase import *
