from penstock.common.utils import *
