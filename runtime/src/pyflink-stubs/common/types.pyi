from penstock.common.types import *
