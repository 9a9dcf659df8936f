from penstock.common.composite_types import *
